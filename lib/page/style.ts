/** The page's style sheet. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fafaf8; --raised: #ffffff; --text: #1c2024; --quiet: #5d656d; --line: #e3e3de; --soft: #f1f1ec;
  --link: #1f5fae; --good: #1d7a46; --warn: #8f5600; --bad: #b3261e;
  --used: #2f9e62; --adopted: #3b7fc4; --taken: #8b6bc0; --kept: #c9a227; --out: #d2453a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #141619; --raised: #1a1d21; --text: #e4e6e8; --quiet: #9aa3ab; --line: #2b2f35; --soft: #20242a;
    --link: #8ab8f2; --good: #5fc78d; --warn: #e0a84a; --bad: #f08a80;
    --used: #3fae73; --adopted: #5a9bdc; --taken: #a58ad6; --kept: #d9b84a; --out: #e66a5f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
body > * { max-width: 1180px; margin-inline: auto; padding-inline: 20px; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -999em; }
.skip:focus { left: 8px; top: 8px; padding: 6px 10px; background: var(--raised); z-index: 1; }
h1, h2, h3 { line-height: 1.25; margin: 0; font-weight: 600; }
h1 { font-size: 22px; letter-spacing: -0.01em; }
h2 { font-size: 15px; }
time { white-space: nowrap; }
small, .quiet { color: var(--quiet); font-size: 12.5px; }
p { margin: 0; }

.top { display: flex; align-items: center; gap: 12px; padding-block: 14px; }
.top .quiet { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.brand { display: inline-flex; align-items: center; gap: 9px; font-weight: 650; font-size: 16px; color: var(--text); letter-spacing: -0.01em; }
.brand:hover { text-decoration: none; }
.brand svg { width: 20px; height: 20px; }
.live { margin-left: auto; display: inline-flex; align-items: center; gap: 10px; }

input, select, button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 7px; height: 34px; padding: 0 10px; }
button { cursor: pointer; }
button:hover, select:hover, input:hover { border-color: var(--quiet); }
[aria-pressed] { display: inline-flex; align-items: center; gap: 7px; }
[aria-pressed]::before { content: ""; width: 8px; height: 8px; border-radius: 50%; border: 1.5px solid var(--quiet); }
[aria-pressed=true]::before { background: var(--used); border-color: var(--used); }
[hidden] { display: none; }
form { display: flex; gap: 8px; flex-wrap: wrap; padding-bottom: 6px; }
form input { flex: 1 1 220px; min-width: 0; }

main { padding-block: 10px 40px; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; margin: 8px 0 26px; border: 1px solid var(--line); border-radius: 10px; background: var(--raised); overflow: hidden; }
.facts div { flex: 1 1 130px; min-width: 0; padding: 12px 16px; border-left: 1px solid var(--line); margin-left: -1px; }
.facts dt { color: var(--quiet); font-size: 12.5px; }
.facts dd { margin: 0; font-size: 20px; font-weight: 600; letter-spacing: -0.01em; }
.facts dd small { font-weight: 400; letter-spacing: 0; }
.warn { color: var(--warn); }
.bad { color: var(--bad); }

section { margin-top: 26px; }
section > h2 { padding-bottom: 8px; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; font-weight: 600; font-size: 15px; padding-bottom: 8px; }
caption small { font-weight: 400; margin-left: 6px; }
th { text-align: left; font-weight: 500; font-size: 12.5px; color: var(--quiet); padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { padding: 9px 14px 9px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
tbody tr:hover { background: var(--soft); }
td small { display: block; }
.number { text-align: right; white-space: nowrap; }
td.name { width: 25%; }
td.name a { font-weight: 550; }
td.state { width: 17%; }
td.use { width: 32%; min-width: 180px; }
td.use svg { display: block; width: 100%; height: 11px; margin: 5px 0 4px; border-radius: 3px; }
td.names { width: 34%; }
td.address { width: 20%; }
td.who { width: 28%; }
td.pool { width: 24%; }
.subject .head { margin-bottom: 8px; }
.found { margin: 0; padding: 0; list-style: none; columns: 260px; }
.mark { display: inline-flex; align-items: baseline; gap: 6px; white-space: nowrap; }
.mark svg { width: 9px; height: 9px; flex: none; align-self: center; fill: currentColor; }
.mark.good svg { color: var(--good); }
.mark.warn svg, .mark.warn { color: var(--warn); }
.mark.bad svg, .mark.bad { color: var(--bad); }
.mark.rest svg { color: var(--quiet); }

.ipam-used, .ipam-partly { fill: var(--used); }
.ipam-adopted { fill: var(--adopted); }
.ipam-taken { fill: var(--taken); }
.ipam-kept { fill: var(--kept); }
.ipam-outOfRange { fill: var(--out); }

.head { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; margin: 6px 0 12px; }
.head small { display: block; }
.crumb { font-size: 12.5px; }
.picture { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin: 0; }
.picture + .picture { margin-top: 14px; }
.map { display: grid; grid-template-columns: max-content 1fr; column-gap: 10px; }
.map > * { grid-column: 1 / -1; display: grid; grid-template-columns: subgrid; align-items: center; padding: 1px 4px; margin-inline: -4px; border-radius: 4px; color: var(--quiet); font-size: 12px; }
.map svg { display: block; width: 100%; height: 13px; }
.map a:hover { background: var(--soft); text-decoration: none; }
.map a:hover span { color: var(--link); }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 16px; padding-bottom: 10px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 12px 0 0; margin: 0; color: var(--quiet); font-size: 12.5px; }
.legend li { display: inline-flex; gap: 7px; align-items: center; }
.legend b { color: var(--text); font-weight: 600; }
.spec { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 14px 0 0; }
.spec dt { color: var(--quiet); }
.spec dd { margin: 0; }
.pages { display: flex; gap: 16px; padding-top: 12px; align-items: baseline; }
h1 + .empty { margin-top: 14px; }
.empty { padding: 28px; text-align: center; border: 1px dashed var(--line); border-radius: 10px; color: var(--quiet); }
footer { padding-block: 6px 34px; color: var(--quiet); font-size: 12.5px; }
footer p { max-width: 78ch; }

@media (max-width: 760px) {
  body > * { padding-inline: 14px; }
  .facts div { flex-basis: 45%; border-top: 1px solid var(--line); margin-top: -1px; padding: 9px 14px; }
  .facts dd { font-size: 17px; }
  table, tbody, tr, td { display: block; width: auto; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  caption { display: block; }
  tr { padding: 10px 0; border-bottom: 1px solid var(--line); }
  tbody tr:first-child { border-top: 1px solid var(--line); }
  td, td.name, td.state, td.use, td.names, td.address, td.who, td.pool { width: auto; border: 0; padding: 2px 0; }
  td.address { font-weight: 550; }
  .map { column-gap: 6px; }
  .map > * { font-size: 11px; }
  td.name small, .number small { display: inline; margin-left: 6px; }
  .number { text-align: left; display: inline-block; white-space: normal; margin-right: 14px; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--quiet); font-size: 12.5px; }
  .none { display: none; }
  .picture { padding: 14px 12px; }
  form select { flex: 1; }
}
@media (prefers-reduced-motion: no-preference) {
  a, button, input, select { transition: border-color 120ms, background-color 120ms; }
}
`;
