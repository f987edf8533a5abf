// Find (Ctrl K): every page and every token of the reader, by name. A combobox over a list.

/** @import { Token } from '../types.js' */
import { tokenPath } from '../address.js';
import { api } from '../api.js';
import { $, html, icon, name } from '../dom.js';
import { pages } from '../shell.js';
import { open } from '../ui/dialog.js';

/** @typedef {{ text: string, path: string, symbol: string, kind: string }} Entry */

const MOST = 24;

/** @param {Entry[]} entries @param {string} text */
function matching(entries, text) {
  const words = text.trim().toLowerCase().split(/\s+/);
  return entries
    .filter((entry) => words.every((word) => entry.text.toLowerCase().includes(word)))
    .slice(0, MOST);
}

/** @param {Entry} entry @param {number} i @param {boolean} selected */
const option = (entry, i, selected) =>
  html`<div role="option" id=${`find-${i}`} aria-selected=${String(selected)} data-path=${entry.path}>
    ${icon(entry.symbol)}${name(entry.text)}<small>${entry.kind}</small>
  </div>`;

const NOTHING = () =>
  html`<div role="option" aria-disabled="true" aria-selected="false">
    <span class="muted">Nothing of that name</span>
  </div>`;

/** @param {(entries: Entry[]) => void} show */
async function addTokens(show) {
  /** @type {{ data: Token[] }} */
  const { data } = await api.all('/api-keys?status=active&sort=name');
  show(data.map((token) => ({ text: token.name, path: tokenPath(token.id), symbol: 'key', kind: 'Token' })));
}

/** @param {any} input @param {any} listbox @param {(path: string) => void} choose */
function combobox(input, listbox, choose) {
  /** @type {Entry[]} */
  let entries = pages().map(({ path, symbol, title }) => ({ text: title, path, symbol, kind: 'Page' }));
  let at = 0;
  const draw = () => {
    const found = matching(entries, input.value);
    at = Math.min(at, Math.max(0, found.length - 1));
    listbox.replaceChildren(
      ...(found.length ? found.map((one, i) => option(one, i, i === at)) : [NOTHING()]),
    );
    if (found.length) input.setAttribute('aria-activedescendant', `find-${at}`);
    else input.removeAttribute('aria-activedescendant');
    $('[aria-selected=true]', listbox)?.scrollIntoView({ block: 'nearest' });
  };
  input.addEventListener('input', () => {
    at = 0;
    draw();
  });
  input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    const count = matching(entries, input.value).length || 1;
    if (event.key === 'ArrowDown') at = (at + 1) % count;
    else if (event.key === 'ArrowUp') at = (at - 1 + count) % count;
    else if (event.key === 'Enter') choose($('[aria-selected=true]', listbox)?.dataset.path ?? '');
    else return;
    event.preventDefault();
    draw();
  });
  draw();
  return (/** @type {Entry[]} */ more) => {
    entries = [...entries, ...more];
    draw();
  };
}

/** @returns {Promise<string>} the path that was chosen, or '' */
export async function openFind() {
  if ($('dialog[open]')) return '';
  const sidebar = $('#sidebar');
  if (sidebar.matches(':popover-open')) sidebar.hidePopover();
  const input = html`<input
    class="input"
    type="text"
    role="combobox"
    aria-expanded="true"
    aria-controls="find-list"
    aria-autocomplete="list"
    aria-label="Find a page or a token"
    placeholder="Find a page or a token"
    autocomplete="off"
    spellcheck="false"
    autofocus
  />`;
  const listbox = html`<div role="listbox" id="find-list" aria-label="Results"></div>`;
  const node = html`<dialog class="dialog finder" aria-label="Find" closedby="any">
    <div class="search">${icon('search')}${input}</div>
    ${listbox}
    <div class="sr-only" role="status" data-live></div>
  </dialog>`;
  const choose = (/** @type {string} */ path) => path && node.close(path);
  listbox.addEventListener('click', (/** @type {any} */ event) =>
    choose(event.target.closest('[data-path]')?.dataset.path),
  );
  const add = combobox(input, listbox, choose);
  const closed = open(node);
  addTokens(add).catch(() => {});
  return closed;
}
