// People and service accounts of the organization, for its admins: searched and paged by the server.

/** @import { Account, Context, Page, View } from '../types.js' */
import { PEOPLE } from '../address.js';
import { html, icon, name } from '../dom.js';
import { navigate } from '../router.js';
import { holdsToken } from '../token.js';
import { once } from '../ui/busy.js';
import { chips, searchField } from '../ui/filter.js';
import { firstRows, pagedTable } from '../ui/paged-table.js';
import { avatar, blank, head } from '../ui/parts.js';
import { onDay } from '../ui/time.js';
import { addPerson } from './people/add.js';
import { ROLE, stateOf } from './people/words.js';

/** @typedef {{ status: string, words: string }} Choice */

const FILTERS = [
  { key: 'active', title: 'Active' },
  { key: 'deactivated', title: 'Deactivated' },
  { key: 'all', title: 'All' },
];
const PAUSE = 150; // ms without a keystroke until the server is asked

/** @type {[string, string][]} */
const COLUMNS = [
  ['Name', 'c-title'],
  ['Role', 'fit'],
  ['State', 'fit'],
  ['Added', 'fit'],
];

/** @param {URLSearchParams} query @returns {Choice} */
function choiceOf(query) {
  const status = FILTERS.find(({ key }) => key === query.get('status'))?.key ?? 'active';
  return { status, words: query.get('q') ?? '' };
}

/** @param {Choice} choice */
function listPath({ status, words }) {
  const search = words.trim() && `&search=${encodeURIComponent(words.trim())}`;
  return `/users?status=${status}${search}`;
}

/** Keeps the choice in the address. @param {Context} context @param {Choice} choice */
function save({ setQuery }, { status, words }) {
  const next = new URLSearchParams();
  if (status !== 'active') next.set('status', status);
  if (words.trim()) next.set('q', words);
  setQuery(next);
}

/** @param {Account} one */
const accountRow = (one) =>
  html`<tr data-ended=${one.status === 'deactivated' ? true : null}>
    <th scope="row" class="name-cell full">
      <span class="person">
        ${avatar(one)}
        <span
          ><a href=${`${PEOPLE}/${one.id}`}>${name(one.name)}</a><span class="sub">${one.email}</span></span
        >
      </span>
    </th>
    <td class="fit quiet" data-label="Role">
      ${one.kind === 'service' ? 'Service account' : ROLE[one.orgRole]}
    </td>
    <td class="fit">${stateOf(one)}</td>
    <td class="fit quiet nowrap" data-label="Added">${onDay(one.createdAt, { short: true })}</td>
  </tr>`;

const nothing = () =>
  blank({ symbol: 'people', title: 'Nobody here', body: 'Try fewer letters, or another filter.' });

/** @param {Page<Account>} page @param {Context} context */
function accountList(page, context) {
  const choice = choiceOf(context.query);
  const list = pagedTable({
    label: 'People and service accounts',
    className: 'people run-on',
    noun: 'account',
    columns: COLUMNS,
    path: listPath(choice),
    page,
    empty: nothing,
    row: accountRow,
    onshown: (shown) => context.keep({ shown }),
  });
  let timer = 0;
  const show = () => {
    clearTimeout(timer);
    if (holdsToken(choice.words)) return; // a token that was pasted must not stand in an address
    save(context, choice);
    list.load(listPath(choice));
  };
  const filters = chips({
    options: FILTERS,
    value: choice.status,
    choose(key) {
      choice.status = key;
      filters.press(key);
      show();
    },
  });
  const search = searchField({
    label: 'Name or email',
    value: choice.words,
    oninput(text) {
      choice.words = text;
      clearTimeout(timer);
      timer = setTimeout(show, PAUSE);
    },
  });
  return html`<section class="list" aria-label="Accounts">
    <div class="toolbar">${filters.node}${search}</div>
    ${list.node}
  </section>`;
}

/** @type {View<Page<Account>>} */
export default {
  title: 'People',
  rows: 8,

  load: (context) => firstRows(listPath(choiceOf(context.query)), context.kept.shown),

  render(page, context) {
    const work = once(async () => {
      const made = await addPerson();
      if (made) await navigate(`${PEOPLE}/${made.id}`);
    });
    return html`<div class="page">
      ${head({
        title: 'People',
        lead: 'Who belongs to the organization, and the service accounts of its pipelines.',
        actions: html`<button type="button" class="button button-primary" @click=${work}>
          ${icon('plus-lg')}Add an account
        </button>`,
      })}
      ${accountList(page, context)}
    </div>`;
  },
};
