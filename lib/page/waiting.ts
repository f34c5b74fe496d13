/** Who waits, and why. */
import type { Waiting } from '../inspect/state.ts';
import { formatCount } from './format.ts';
import { type Html, html } from './html.ts';
import { mark, table } from './parts.ts';
import { formatQuery } from './query.ts';

interface WaitingGroup {
  readonly reason: string;
  readonly message: string;
  readonly names: readonly string[];
}

/** Those with most names first. */
export function groupWaiting(waiting: readonly Waiting[]): WaitingGroup[] {
  return [...Map.groupBy(waiting, ({ reason, message }) => `${reason}\n${message}`).values()]
    .sort((a, b) => b.length - a.length)
    .map((group) => ({
      reason: group[0]!.reason,
      message: group[0]!.message,
      names: group.map(({ name }) => name),
    }));
}

/** Those that wait, and those that are held up by something else. At most `most` names in each table. */
export function waitingTables(waiting: readonly Waiting[], kind: 'claim' | 'node', most: number): Html {
  const what = kind === 'claim' ? 'Claims' : 'Nodes';
  const pending = waiting.filter(({ isHeldUp }) => !isHeldUp);
  const heldUp = waiting.filter(({ isHeldUp }) => isHeldUp);
  return html`${waitingTable(`${what} that wait`, pending, kind, most)}${waitingTable(`${what} that are held up`, heldUp, kind, most)}`;
}

function waitingTable(
  title: string,
  waiting: readonly Waiting[],
  kind: 'claim' | 'node',
  most: number,
): Html | undefined {
  if (waiting.length === 0) return undefined;
  const groups = groupWaiting(waiting);
  const rows = groups.map((group) => waitingRow(group, kind, Math.ceil(most / groups.length)));
  return html`<section>${table(
    html`${title}<small>${formatCount(waiting.length)}</small>`,
    [['Reason'], [kind === 'claim' ? 'Claims' : 'Nodes']],
    rows,
  )}</section>`;
}

/** @param pool what stands before it, in a table of several pools */
export function waitingRow(
  { reason, message, names }: WaitingGroup,
  kind: 'claim' | 'node',
  most: number,
  pool?: Html,
): Html {
  const links = names
    .slice(0, most)
    .map(
      (name, index) =>
        html`${index > 0 ? ', ' : ''}<a href="${formatQuery({ text: `${kind}/${name}` })}">${name}</a>`,
    );
  const more = names.length > most ? ` and ${formatCount(names.length - most)} more` : '';
  return html`<tr role="row">${pool === undefined ? undefined : html`<td role="cell" class="name">${pool}</td>`}
<td role="cell">${mark(reason)}<small>${message}</small></td>
<td role="cell" class="names">${links}${more}</td></tr>`;
}
