// What was done in the organization, for its admins, newest first: filtered and paged by the server.

/** @import { Account, AuditEvent, Context, Page, Session, View } from '../types.js' */
import { api } from '../api.js';
import { pagedTable, STEP } from '../ui/paged-table.js';
import { $, html } from '../dom.js';
import { blank, head } from '../ui/parts.js';
import {
  choiceOf,
  isFiltered,
  isReversed,
  listPath,
  lookedBackTo,
  queryOf,
  toolbar,
} from './audit/filters.js';
import { rows } from './audit/row.js';

/** @import { Choice } from './audit/filters.js' */
/** @typedef {{ path: string, accounts: Account[], page: Page<AuditEvent> }} Data */

const BIGGEST = 200; // that the server gives at once
const BOUND = 2000;
/** Answers that are shorter than was asked for: behind a filter, each has looked at 10,000 events. */
const LOOKS = 3;
const FRESH = 300_000; // ms

/** @type {[string, string][]} */
const COLUMNS = [
  ['When', 'fit'],
  ['What happened', 'c-title'],
];

/** @type {{ of: Session, at: number, list: Promise<{ data: Account[] }> } | null} */
let known = null;

/** The accounts of the filter, which need not be of this minute. @param {Session} session */
async function accountsFor(session) {
  if (known?.of !== session || Date.now() - known.at > FRESH) {
    known = { of: session, at: Date.now(), list: api.all('/users?status=all') };
    known.list.catch(() => {
      known = null;
    });
  }
  return (await known.list).data;
}

/** How far a short list goes back: to the event at which the next page begins. @param {Page<AuditEvent>} page @returns {Promise<Page<AuditEvent>>} */
async function withReach(page) {
  const next = await api.get(`/audit-events?limit=1&cursor=${page.nextCursor}`);
  return next.data.length ? { ...page, lookedTo: next.data[0].occurredAt } : { ...page, nextCursor: null };
}

/**
 * Events from the cursor on, until there are `count` or the server has looked long enough.
 * @param {string} path
 * @param {number} count
 * @param {string | null} cursor
 * @param {number} looks
 */
async function eventsFrom(path, count, cursor, looks) {
  /** @type {AuditEvent[]} */
  const data = [];
  do {
    const limit = Math.min(count - data.length, BIGGEST);
    /** @type {Page<AuditEvent>} */
    const page = await api.get(`${path}&limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`);
    data.push(...page.data);
    cursor = page.nextCursor;
    if (page.data.length < limit) looks -= 1;
  } while (cursor && data.length < count && looks > 0);
  const page = { data, nextCursor: cursor };
  return cursor && data.length < count ? withReach(page) : page;
}

/** @param {Choice} choice @returns {(page: Page<AuditEvent>) => any} */
const nothing = (choice) => (page) =>
  blank({
    symbol: 'search',
    title: page.lookedTo ? 'Nothing found yet' : 'Nothing found',
    body: page.lookedTo
      ? `${lookedBackTo(page.lookedTo)}; there are older events.`
      : isReversed(choice)
        ? 'The first day is after the second.'
        : isFiltered(choice)
          ? 'Choose another person, action or time.'
          : 'As soon as something is done here, it appears.',
  });

/** The list that is drawn. @type {{ path: string, update: (page: Page<AuditEvent>) => void } | null} */
let drawn = null;

/** @param {Data} data @param {Context} context */
function listOf({ path, accounts, page }, context) {
  let choice = choiceOf(context.query);
  let looks = LOOKS;
  const list = pagedTable({
    label: 'Audit log',
    className: 'audit run-on',
    noun: 'event',
    columns: COLUMNS,
    path,
    page,
    empty: (last) => nothing(choice)(last),
    row: rows(context),
    onshown: (shown) => context.keep({ shown, looks }),
    fetch(from, count, cursor) {
      looks = cursor ? looks + LOOKS : LOOKS;
      return eventsFrom(from, count, cursor, LOOKS);
    },
    key: ({ id }) => id,
  });
  const bar = toolbar(choice, accounts, page.data, (patch) => {
    const hadTarget = choice.targetId;
    choice = choiceOf(queryOf({ ...choice, ...patch }));
    context.setQuery(queryOf(choice), { entry: true });
    if (hadTarget && !choice.targetId) {
      $('.only-target', bar)?.remove();
      if (!bar.contains(document.activeElement)) $('select', bar).focus();
    }
    const next = listPath(choice);
    if (drawn) drawn.path = next;
    list.load(next);
  });
  drawn = { path, update: list.update };
  return html`<section class="list" aria-label="Events">${bar}${list.node}</section>`;
}

/** @type {View<Data>} */
export default {
  title: 'Audit log',
  rows: 8,
  live: true,

  async load({ query, kept, session }) {
    const path = listPath(choiceOf(query));
    const count = Math.min(Number(kept.shown) || STEP, BOUND);
    const [page, accounts] = await Promise.all([
      eventsFrom(path, count, null, Number(kept.looks) || LOOKS),
      accountsFor(session),
    ]);
    return { path, accounts, page };
  },

  update({ path, page }, { query }) {
    if (drawn?.path === path) {
      drawn.update(page);
      return true;
    }
    return query.toString() !== new URLSearchParams(location.search).toString(); // another choice is on its way
  },

  render: (data, context) =>
    html`<div class="page">
      ${head({
        title: 'Audit log',
        lead: 'Who did what, when and from where, the newest first. Nobody can change or remove an entry.',
      })}
      ${listOf(data, context)}
    </div>`,
};
