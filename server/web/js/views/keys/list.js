// Filters, search, order and table of the list. They live in the address, so that reload, Back and a pasted
// link keep them; all work on the tokens that the page has.

/** @import { Context, Everything, Finding, Token } from '../../types.js' */
/** @import { Actions } from '../api-keys.js' */
import { html } from '../../dom.js';
import { fmt } from '../../format.js';
import { chips, searchField } from '../../ui/filter.js';
import { blank, select } from '../../ui/parts.js';
import { table } from '../../ui/table.js';
import { choices, COLUMNS, contains, filterOf, FILTERS, orderOf, orderText, SORTS } from './choices.js';
import { tokenRow } from './row.js';

/** @param {string} status @param {string} words */
function nothing(status, words) {
  const [, title, , empty, hint] = filterOf(status);
  if (!words) return blank({ symbol: 'check-circle', title: empty, body: hint });
  const body = `Nothing under “${title}” contains “${words}”.`;
  return blank({ symbol: 'search', title: 'No token matches', body });
}

/**
 * @param {Everything<Token>} tokens
 * @param {Finding[]} findings
 * @param {Context} context
 * @param {Actions} actions
 */
export function tokenList({ data: tokens, more }, findings, context, actions) {
  const { state, save } = choices(context);
  const matches = () => {
    const [, , test] = filterOf(state.status);
    const words = state.words.trim().toLowerCase();
    return tokens.filter((token) => test(token) && (!words || contains(token, words)));
  };
  const list = table({
    label: 'Your tokens',
    className: 'keys',
    noun: 'token',
    columns: COLUMNS,
    rows: matches(),
    order: state.order,
    shown: Number(context.kept.shown) || 50,
    empty: () => nothing(state.status, state.words.trim()),
    row: (token) => tokenRow(token, findings, context.session.user.id, actions),
    onorder(order) {
      state.order = order;
      save();
    },
    onmore: (shown) => context.keep({ shown }),
  });
  const redraw = () => {
    save();
    context.keep({ shown: 50 });
    list.update(matches());
  };
  const choose = (/** @type {string} */ key) => {
    state.status = key;
    choice.press(key);
    redraw();
  };
  const choice = chips({
    options: FILTERS.map(([key, title, test]) => ({
      key,
      title,
      count: fmt.number(tokens.filter(test).length),
    })),
    value: state.status,
    choose,
  });
  const search = searchField({
    label: 'Search tokens',
    value: state.words,
    oninput(text) {
      state.words = text;
      redraw();
    },
  });
  const sort = (/** @type {string} */ text) => {
    state.order = orderOf(text);
    list.sort(state.order);
    save();
  };
  const sorting = select({ label: 'Sort', value: orderText(state.order), options: SORTS, onchange: sort });
  const bound = html`<p class="small quiet">
    Only the newest ${fmt.number(tokens.length)} tokens are shown, counted and searched.
  </p>`;
  const node = html`<section class="list" aria-label="Tokens">
    <div class="toolbar">${choice.node}${search}<span class="sort-select">${sorting}</span></div>
    ${more ? bound : ''}${list.node}
  </section>`;
  return { node, review: () => choose('expiring') };
}
