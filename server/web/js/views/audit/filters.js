// What of the audit log is shown: from the address to the API, and the controls over the list. The address has
// the API's own names, and for the time `days`, or `from` and `to`, days of the viewer's zone.

/** @import { Account, AuditEvent } from '../../types.js' */
import { $, html, icon, name } from '../../dom.js';
import { addDays, fmt, localDay } from '../../format.js';
import { GROUPS } from './words.js';

/** @typedef {Partial<Record<'action' | 'actorUserId' | 'targetKind' | 'targetId' | 'days' | 'from' | 'to', string>>} Choice */

/** @type {[string, string][]} */
const SPANS = [
  ['', 'Any time'],
  ['1', 'Since yesterday'],
  ['7', 'Last 7 days'],
  ['30', 'Last 30 days'],
  ['90', 'Last 90 days'],
];
const BETWEEN = 'between';
const PAUSE = 300; // ms without a change until the server is asked
const ID = /^[1-9]\d{0,15}$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
/** What each may be; anything else in the address counts as not there. @type {Record<keyof Choice, RegExp>} */
const FORM = {
  action: /^[a-z_]{1,60}\.[a-z_]{1,60}$/,
  actorUserId: ID,
  targetKind: /^(api_key|organization|project|session|test_case|test_cycle|test_run|user|webhook)$/,
  targetId: ID,
  days: /^(1|7|30|90)$/,
  from: DAY,
  to: DAY,
};

/** @param {string} day */
const isDay = (day) => !Number.isNaN(Date.parse(`${day}T00:00:00Z`));

/** @param {URLSearchParams} query @returns {Choice} */
export function choiceOf(query) {
  const entries = Object.entries(FORM).flatMap(([key, form]) => {
    const value = query.get(key) ?? '';
    return form.test(value) && (form !== DAY || isDay(value)) ? [[key, value]] : [];
  });
  return Object.fromEntries(entries);
}

/** @param {Choice} choice */
export const queryOf = (choice) => new URLSearchParams(Object.entries(choice).filter(([, value]) => value));

/** @param {Date} day */
const midnight = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).toISOString();

/** The path of the list. @param {Choice} choice */
export function listPath({ days, from, to, ...same }) {
  const query = new URLSearchParams(same);
  if (from) query.set('since', midnight(localDay(from)));
  else if (days) query.set('since', midnight(addDays(Date.now(), -Number(days))));
  if (to) query.set('until', midnight(addDays(localDay(to), 1)));
  return `/audit-events?${query}`;
}

/** @param {string} label @param {any} options @param {string} value @param {(value: string) => void} onchange */
function chooser(label, options, value, onchange) {
  const node = html`<span class="select-wrap">
    <select class="select" aria-label=${label}>
      ${options}</select
    >${icon('chevron-down')}
  </span>`;
  const list = $('select', node);
  list.value = value;
  list.addEventListener('change', () => onchange(list.value));
  return node;
}

/** @param {[string, string]} option */
const option = ([value, text]) => html`<option value=${value}>${text}</option>`;

/** @param {Choice} choice @param {Account[]} accounts @param {AuditEvent[]} events @param {(patch: Choice) => void} change */
function byPerson({ actorUserId = '' }, accounts, events, change) {
  const options = accounts.map((one) => /** @type {[string, string]} */ ([String(one.id), one.name]));
  if (actorUserId && !options.some(([id]) => id === actorUserId)) {
    const known = events.flatMap(({ users }) => users).find(({ id }) => String(id) === actorUserId);
    options.push([actorUserId, known?.name ?? `Account ${actorUserId}`]);
  }
  /** @type {[string, string]} */
  const all = ['', 'Everybody'];
  return chooser('Who', [all, ...options].map(option), actorUserId, (value) =>
    change({ actorUserId: value }),
  );
}

/** Values of the select: "kind:" and a kind of target, or an action. @param {Choice} choice @param {(patch: Choice) => void} change */
function byAction({ action, targetKind, targetId }, change) {
  const kind = targetKind && !targetId ? `kind:${targetKind}` : '';
  const groups = GROUPS.map(([title, of, rows]) => {
    const all = of ? option([`kind:${of}`, `${title}: everything`]) : '';
    return html`<optgroup label=${title}>${all}${rows.map(option)}</optgroup>`;
  });
  const known = GROUPS.some(([, of, rows]) => `kind:${of}` === kind || rows.some(([one]) => one === action));
  const other = action ?? kind;
  const odd = other && !known ? option([other, other.replace('kind:', '')]) : '';
  return chooser('What', [option(['', 'Every action']), groups, odd], other, (value) => {
    const isKind = value.startsWith('kind:');
    const target = targetId ? { targetKind, targetId } : { targetKind: '' };
    change(isKind ? { action: '', targetId: '', targetKind: value.slice(5) } : { ...target, action: value });
  });
}

/** @param {string} label @param {string} value @param {(value: string) => void} onchange */
function dayField(label, value, onchange) {
  const input = html`<input
    class="input"
    type="date"
    min="2000-01-01"
    max="2099-12-31"
    aria-label=${label}
    value=${value}
  />`;
  let timer = 0;
  input.addEventListener('change', () => {
    clearTimeout(timer);
    // While a year is typed, each of its digits makes a date.
    if (input.validity.valid) timer = setTimeout(() => onchange(input.value), PAUSE);
  });
  return input;
}

/** @param {Choice} choice @param {(patch: Choice) => void} change */
function byTime({ days = '', from = '', to = '' }, change) {
  const fields = html`<span class="span-fields" ?hidden=${!from && !to}>
    ${dayField('From', from, (value) => change({ from: value, days: '' }))}<span class="quiet">to</span
    >${dayField('To', to, (value) => change({ to: value, days: '' }))}
  </span>`;
  /** @type {[string, string][]} */
  const options = [...SPANS, [BETWEEN, 'Between two days…']];
  const select = chooser('When', options.map(option), from || to ? BETWEEN : days, (value) => {
    fields.hidden = value !== BETWEEN;
    if (value === BETWEEN) $('input', fields).focus();
    else {
      for (const input of fields.querySelectorAll('input')) input.value = '';
      change({ days: value, from: '', to: '' });
    }
  });
  return [select, fields];
}

/** @type {Record<string, string>} */
const THINGS = {
  api_key: 'token',
  organization: 'organization',
  project: 'project',
  session: 'session',
  test_case: 'test case',
  test_cycle: 'test cycle',
  test_run: 'report of results',
  user: 'account',
  webhook: 'webhook',
};

/** @param {string} kind */
export const thing = (kind) => THINGS[kind] ?? kind;

/** To what the list is limited, which only a link can choose. @param {Choice} choice @param {AuditEvent[]} events @param {(patch: Choice) => void} change */
function ofTarget({ targetKind, targetId }, events, change) {
  if (!targetId) return '';
  const known = events.find(
    ({ target }) => String(target.id) === targetId && target.kind === targetKind,
  )?.target;
  const called = known?.name ? name(known.name) : html`<span>${targetId}</span>`;
  const all = html`<button type="button" class="button button-small">Show everything</button>`;
  all.addEventListener('click', () => change({ targetKind: '', targetId: '' }));
  return html`<p class="only-target">
    <span>Only what was done to the ${thing(targetKind ?? 'thing')} ${html`<b>${called}</b>`}.</span>${all}
  </p>`;
}

/**
 * The controls; `change` gets what is chosen anew, "" for no longer.
 * @param {Choice} choice @param {Account[]} accounts @param {AuditEvent[]} events @param {(patch: Choice) => void} change
 */
export const toolbar = (choice, accounts, events, change) =>
  html`<div class="toolbar">
    ${byPerson(choice, accounts, events, change)}${byAction(choice, change)}${byTime(choice, change)}
    ${ofTarget(choice, events, change)}
  </div>`;

/** @param {Choice} choice */
export const isFiltered = (choice) => Object.keys(choice).length > 0;

/** Whether its days are in the wrong order. @param {Choice} choice */
export const isReversed = ({ from, to }) => Boolean(from && to && from > to);

/** @param {string} time */
export const lookedBackTo = (time) => `Looked back to ${fmt.stamp(time)}`;
