// Where a token is used: by address, client or route.

/** @import { Context, Impact, Use } from '../../types.js' */
import { $$, html } from '../../dom.js';
import { fmt } from '../../format.js';
import { when } from '../../ui/time.js';

/** @typedef {Use & { title: string }} Row */

/** @type {{ key: string, title: string, mono: boolean, rows: (impact: Impact) => Row[] }[]} */
const GROUPS = [
  {
    key: 'address',
    title: 'Address',
    mono: true,
    rows: ({ addresses }) => addresses.map((one) => ({ ...one, title: one.address ?? 'Unknown' })),
  },
  {
    key: 'client',
    title: 'Client',
    mono: false,
    rows: ({ clients }) => clients.map((one) => ({ ...one, title: one.client || 'Unknown' })),
  },
  {
    key: 'route',
    title: 'Route',
    mono: true,
    rows: ({ routes }) => routes.map((one) => ({ ...one, title: `${one.method} ${one.route}` })),
  },
];

/** @param {Row} row @param {boolean} mono */
const rowOf = ({ title, calls, refused, lastAt }, mono) =>
  html`<tr>
    <th scope="row" class=${mono ? 'mono break' : 'break'}>
      ${title}<span class="sub only-narrow">${when(lastAt)}</span>
    </th>
    <td class="num">${fmt.number(calls)}</td>
    <td class="num"><span class=${refused ? 'danger-text' : 'muted'}>${fmt.number(refused)}</span></td>
    <td class="num quiet c-last">${when(lastAt)}</td>
  </tr>`;

/** @param {typeof GROUPS[number]} group @param {Impact} impact */
const tableOf = ({ title, mono, rows }, impact) =>
  html`<table class="table">
    <caption class="sr-only">
      Use by ${title.toLowerCase()}
    </caption>
    <thead>
      <tr>
        <th scope="col">${title}</th>
        <th scope="col" class="num">Calls</th>
        <th scope="col" class="num">Refused</th>
        <th scope="col" class="num c-last">Last</th>
      </tr>
    </thead>
    <tbody>
      ${rows(impact).map((row) => rowOf(row, mono))}
    </tbody>
  </table>`;

/** @param {Impact} impact @param {Context} context keeps the choice */
export function usageTable(impact, { kept, keep }) {
  const body = html`<div></div>`;
  const choose = (/** @type {typeof GROUPS[number]} */ group) => {
    body.replaceChildren(tableOf(group, impact));
    for (const button of $$('button', choice))
      button.setAttribute('aria-pressed', String(button.dataset.key === group.key));
  };
  const turn = (/** @type {typeof GROUPS[number]} */ group) => {
    choose(group);
    keep({ group: group.key });
  };
  const button = (/** @type {typeof GROUPS[number]} */ group) =>
    html`<button type="button" data-key=${group.key} @click=${() => turn(group)}>${group.title}</button>`;
  const choice = html`<div class="segments row-end" role="group" aria-label="Group by">
    ${GROUPS.map(button)}
  </div>`;
  choose(GROUPS.find(({ key }) => key === kept.group) ?? GROUPS[0]);
  return html`<section class="card usage" aria-labelledby="usage-title">
    <div class="card-head">
      <h2 id="usage-title">Where it is used</h2>
      <span class="muted small">${impact.days} days</span>${choice}
    </div>
    ${body}
  </section>`;
}
