// A table whose rows the server gives page by page, so that the length of the list does not matter. Its
// order is the server's.

/** @import { Content, Page } from '../types.js' */
import { api } from '../api.js';
import { $, announce, html } from '../dom.js';
import { fmt, plural } from '../format.js';
import { busy, showProblem } from './busy.js';
import { frame, withRoles } from './table.js';

export const STEP = 50;
const BIGGEST = 200; // that the server gives at once
const BOUND = 2000;

/** @param {string} path @param {number} limit @param {string | null} cursor @returns {Promise<Page<any>>} */
const pageOf = (path, limit, cursor) =>
  api.get(`${path}&limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);

/**
 * The first `count` rows of a list.
 * @param {string} path with a query
 * @param {unknown} [count] how many were shown before
 * @param {number} [least]
 * @returns {Promise<Page<any>>}
 */
export async function firstRows(path, count, least = STEP) {
  const wanted = Math.min(Number(count) || least, BOUND);
  const data = [];
  let cursor = null;
  do {
    const page = await pageOf(path, Math.min(wanted - data.length, BIGGEST), cursor);
    data.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor && data.length < wanted);
  return { data, nextCursor: cursor };
}

/**
 * @param {number} shown
 * @param {Settings<any>} settings
 * @param {Page<any>} page the last one
 * @param {number | null} total
 */
function footWords(shown, { noun, nouns }, { nextCursor, lookedTo }, total) {
  const count = plural(shown, noun, nouns);
  if (!nextCursor) return count;
  if (lookedTo) return `${count}, looking back to ${fmt.stamp(lookedTo)}`;
  return total ? `${fmt.number(shown)} of ${plural(total, noun, nouns)}` : `The newest ${count}`;
}

/**
 * @template T
 * @typedef {object} Settings
 * @property {string} label
 * @property {string} className
 * @property {string} noun
 * @property {string} [nouns] several of them
 * @property {[string, string][]} columns title and class of each
 * @property {string} path
 * @property {Page<T>} page
 * @property {number | null} [total] null when unknown
 * @property {number} [step]
 * @property {(page: Page<T>) => Content} empty
 * @property {(item: T) => any} row
 * @property {(count: number) => void} onshown
 * @property {(path: string, count: number, cursor: string | null) => Promise<Page<T>>} [fetch] where one page of the server is not enough
 * @property {(item: T) => number} [key] for update()
 */

/** @param {any} box @param {string} words @param {Page<any>} page @param {(page: Page<any>) => Content} empty */
function drawRest(box, words, page, empty) {
  const none = !$('tbody', box).childElementCount;
  $('table', box).hidden = none;
  $('[data-empty]', box).replaceChildren(...(none ? [empty(page)] : []));
  $('.table-foot', box).hidden = none && !page.nextCursor;
  $('[data-count]', box).textContent = words;
  $('[data-more]', box).hidden = !page.nextCursor;
  $('[data-more] span', box).textContent = page.lookedTo ? 'Look further back' : 'Show more';
}

/**
 * The rows of a table's body. `settle` brings them to what is there now: rows that stay are not touched.
 * @template T
 * @param {any} body
 * @param {Settings<T>} settings
 */
function rowsIn(body, { row, key }) {
  /** @type {WeakMap<Element, number>} */
  const keys = new WeakMap();
  const rowOf = (/** @type {T} */ item) => {
    const made = withRoles(row(item));
    if (key) keys.set(made, key(item));
    return made;
  };
  return {
    append: (/** @type {T[]} */ items) => body.append(...items.map(rowOf)),
    settle(/** @type {T[]} */ items) {
      const there = new Map([...body.children].map((one) => [keys.get(one), one]));
      let at = body.firstElementChild;
      for (const one of items.map((item) => there.get(key?.(item)) ?? rowOf(item))) {
        if (one === at) at = at.nextElementSibling;
        else body.insertBefore(one, at);
      }
      for (const gone of at ? [...body.children].slice([...body.children].indexOf(at)) : []) gone.remove();
    },
  };
}

/** @param {Settings<any>} settings */
function skeletonOf({ label, className, columns }) {
  const heads = columns.map(([title, name]) => html`<th scope="col" class=${name}>${title}</th>`);
  const box = frame(label, className, heads);
  const slot = html`<div></div>`;
  const node = html`<div class="stack-s">${slot}${box}</div>`;
  return { node, box, slot, body: $('tbody', box), more: $('[data-more]', box) };
}

/** @template T @param {Settings<T>} settings */
export function pagedTable(settings) {
  const { step = STEP, fetch = pageOf } = settings;
  const { node, box, slot, body, more } = skeletonOf(settings);
  const rows = rowsIn(body, settings);
  let { path, page, total = null } = settings;
  let turn = 0;

  /** @param {Page<T>} last */
  function drawFoot(last) {
    page = last;
    const words = footWords(body.childElementCount, settings, last, total);
    drawRest(box, words, last, settings.empty);
    return words;
  }

  async function grow() {
    const mine = turn;
    const first = body.childElementCount;
    try {
      const next = await fetch(path, step, page.nextCursor);
      if (mine !== turn) return;
      slot.replaceChildren();
      rows.append(next.data);
      const words = drawFoot(next);
      settings.onshown(body.childElementCount);
      if (next.data.length) $('a, button, summary', body.children[first])?.focus();
      else announce(words);
    } catch (problem) {
      if (mine === turn) showProblem(slot, problem, more);
    }
  }

  /**
   * Shows another list; the answer to an older choice that comes late is dropped.
   * @param {string} next
   * @param {number | null} [count] how long it is
   */
  async function load(next, count = null) {
    const mine = ++turn;
    box.setAttribute('aria-busy', 'true');
    try {
      const list = await fetch(next, step, null);
      if (mine !== turn) return;
      [path, total] = [next, count];
      slot.replaceChildren();
      body.replaceChildren();
      rows.append(list.data);
      announce(drawFoot(list));
      settings.onshown(0);
    } catch (problem) {
      if (mine === turn) showProblem(slot, problem);
    } finally {
      if (mine === turn) box.removeAttribute('aria-busy');
    }
  }

  /** The same list as it is now; it must have a `key`. @param {Page<T>} now */
  function update(now) {
    if (box.hasAttribute('aria-busy') || more.hasAttribute('aria-busy')) return;
    if (now.nextCursor && now.data.length < body.childElementCount) return; // asked for before it grew
    rows.settle(now.data);
    drawFoot(now);
  }

  more.addEventListener('click', () => busy(more, grow));
  rows.append(page.data);
  drawFoot(page);
  return { node, load, update };
}
