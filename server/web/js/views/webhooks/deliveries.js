// The deliveries of a webhook, the newest first: what came of each, and another try.

/** @import { Context, Delivery, Page, Webhook } from '../../types.js' */
import { api } from '../../api.js';
import { html } from '../../dom.js';
import { fmt } from '../../format.js';
import { busy, wordsFor } from '../../ui/busy.js';
import { chips } from '../../ui/filter.js';
import { pagedTable } from '../../ui/paged-table.js';
import { blank } from '../../ui/parts.js';
import { when } from '../../ui/time.js';
import { toast } from '../../ui/toast.js';
import { follow } from './outcome.js';
import { deliveryState, eventWords } from './words.js';

const FILTERS = [
  { key: 'all', title: 'All' },
  { key: 'queued', title: 'Queued' },
  { key: 'sent', title: 'Sent' },
  { key: 'parked', title: 'Parked' },
];

/** @type {[string, string][]} */
const COLUMNS = [
  ['Event', 'c-title'],
  ['State', 'fit'],
  ['Attempts', 'fit num'],
  ['Answer', 'fit num'],
  ['When', 'fit'],
  ['Action', 'fit'],
];

/** @param {URLSearchParams} query */
const stateOf = (query) => FILTERS.find(({ key }) => key === query.get('state'))?.key ?? 'all';

/** @param {number | string} id @param {string} state */
const listPath = (id, state) => `/webhooks/${id}/deliveries?${state === 'all' ? '' : `state=${state}`}`;

/** @param {Context} context */
export const deliveriesPath = ({ params, query }) => listPath(params.id, stateOf(query));

/** @param {Webhook} hook @param {Delivery} one @param {Context} context */
function redeliver(hook, one, { reload }) {
  if (one.state === 'sent' || (one.state === 'queued' && !one.attempts) || hook.status === 'disabled')
    return '';
  const words = one.state === 'parked' ? 'Redeliver' : 'Try now';
  const button = html`<button
    type="button"
    class="button button-small"
    aria-label=${`${words}: ${eventWords(one.event)}, ${fmt.exact(one.createdAt)}`}
  >
    ${words}
  </button>`;
  button.addEventListener('click', () =>
    busy(button, async () => {
      try {
        await follow(hook, await api.post(`/webhooks/${hook.id}/deliveries/${one.id}/redeliver`));
      } catch (problem) {
        toast(wordsFor(problem));
      }
      await reload();
    }),
  );
  return button;
}

/** @param {Delivery} one */
const trouble = ({ state, error, nextAttemptAt, attempts }) =>
  html`${error && state !== 'sent'
    ? html`<span class="sub break">${error[0].toUpperCase()}${error.slice(1)}</span>`
    : ''}${state === 'queued' && attempts && nextAttemptAt
    ? html`<span class="sub">Next attempt ${when(nextAttemptAt)}</span>`
    : ''}`;

/** @param {Webhook} hook @param {Delivery} one @param {Context} context */
const row = (hook, one, context) =>
  html`<tr>
    <th scope="row" class="name-cell full plain"><span>${eventWords(one.event)}</span>${trouble(one)}</th>
    <td class="fit">${deliveryState(one)}</td>
    <td class="fit num quiet" data-label="Attempts">${one.attempts}</td>
    <td class="fit num quiet" data-label="Answer">${one.status ?? '–'}</td>
    <td class="fit quiet nowrap" data-label="When">${when(one.createdAt)}</td>
    <td class="fit actions"><div>${redeliver(hook, one, context)}</div></td>
  </tr>`;

/** @param {Webhook} hook @param {Page<Delivery>} page @param {Context} context */
export function deliveryList(hook, page, context) {
  const list = pagedTable({
    label: 'Deliveries',
    className: 'deliveries run-on',
    noun: 'delivery',
    nouns: 'deliveries',
    columns: COLUMNS,
    path: deliveriesPath(context),
    page,
    empty: () =>
      blank({
        symbol: 'clock-history',
        title: 'No deliveries',
        body: 'Each call is listed here, for 30 days after it ended. Send a test to see one.',
      }),
    row: (/** @type {Delivery} */ one) => row(hook, one, context),
    onshown: (shown) => context.keep({ shown }),
  });
  const filters = chips({
    options: FILTERS,
    value: stateOf(context.query),
    choose(key) {
      filters.press(key);
      context.setQuery(new URLSearchParams(key === 'all' ? {} : { state: key }));
      list.load(listPath(hook.id, key));
    },
  });
  return html`<section class="list" aria-labelledby="deliveries-title">
    <h2 id="deliveries-title">Deliveries</h2>
    <div class="toolbar">${filters.node}</div>
    ${list.node}
  </section>`;
}
