/**
 * The page's script: everything works without it. It fetches the page anew whenever the server says that something has
 * changed, as long as somebody looks and has not paused it, and searches while one types.
 */
export const SCRIPT = `
const form = document.querySelector('form');
const button = document.getElementById('live');
const notice = document.getElementById('notice');
let isLive = sessionStorage.getItem('live') !== 'off';
let current = 0;
let isBehind = false;

function focusOf(main) {
  const { activeElement } = document;
  return main.contains(activeElement) ? activeElement.getAttribute('href') : null;
}

async function update() {
  const mine = ++current;
  isBehind = false;
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    const text = await response.text();
    // Without its style sheet, whose nonce is not the one of this page.
    const parts = [/<title>[^<]*<\\/title>/, /<a id="json".*?<\\/a>/, /<main[^]*<\\/main>/].map((part) => part.exec(text));
    const page = new DOMParser().parseFromString(parts.join(''), 'text/html');
    const next = page.querySelector('main');
    if (mine !== current) return;
    if (next === null) throw new Error(String(response.status));
    const main = document.querySelector('main');
    if (main.innerHTML !== next.innerHTML) {
      const focused = focusOf(main);
      main.replaceWith(document.adoptNode(next));
      if (focused !== null) next.querySelector('a[href="' + CSS.escape(focused) + '"]')?.focus({ preventScroll: true });
    }
    document.title = page.title;
    document.getElementById('json').href = page.getElementById('json').getAttribute('href');
    notice.textContent = '';
  } catch {
    if (mine === current) notice.textContent = 'No answer from the server: what is shown is older.';
  }
}

function changed() {
  if (isLive && !document.hidden) update();
  else isBehind = true;
}

if (button !== null) {
  const show = () => button.setAttribute('aria-pressed', String(isLive));
  button.hidden = false;
  button.addEventListener('click', () => {
    isLive = !isLive;
    sessionStorage.setItem('live', isLive ? 'on' : 'off');
    show();
    if (isLive) update();
  });
  show();
  let isFirst = true;
  const events = new EventSource('events');
  events.onmessage = changed;
  events.onopen = () => {
    if (!isFirst) changed();
    isFirst = false;
  };
  events.onerror = () => {
    notice.textContent = 'No answer from the server: what is shown is older.';
  };
  document.addEventListener('visibilitychange', () => {
    if (isBehind) changed();
  });
}
form.addEventListener('submit', (event) => {
  event.preventDefault();
  search();
});
let typing;
let shown = location.search;
function search() {
  clearTimeout(typing);
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
  const filter = form.elements.show;
  // What one types is one page, and the pool that one leaves by that another.
  history[filter.hidden ? 'pushState' : 'replaceState'](null, '', '?' + query);
  filter.hidden = false;
  shown = location.search;
  update();
}
addEventListener('popstate', () => {
  if (location.search !== shown) location.reload();
});
form.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(search, 200);
});
`;
