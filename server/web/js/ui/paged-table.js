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

/** @param {number} shown @param {[string, string?]} noun @param {boolean} more @param {number | null} total */
function footWords(shown, noun, more, total) {
  if (!more) return plural(shown, ...noun);
  return total ? `${fmt.number(shown)} of ${plural(total, ...noun)}` : `The newest ${plural(shown, ...noun)}`;
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
 * @property {() => Content} empty
 * @property {(item: T) => any} row
 * @property {(count: number) => void} onshown
 */

/** @param {any} box @param {string} words @param {boolean} more @param {() => Content} empty */
function drawRest(box, words, more, empty) {
  const none = !$('tbody', box).childElementCount;
  $('table', box).hidden = none;
  $('[data-empty]', box).replaceChildren(...(none ? [empty()] : []));
  $('.table-foot', box).hidden = none;
  $('[data-count]', box).textContent = words;
  $('[data-more]', box).hidden = !more;
}

/** @param {string} label @param {string} className @param {[string, string][]} columns */
function skeletonOf(label, className, columns) {
  const heads = columns.map(([title, name]) => html`<th scope="col" class=${name}>${title}</th>`);
  const box = frame(label, className, heads);
  const slot = html`<div></div>`;
  const node = html`<div class="stack-s">${slot}${box}</div>`;
  return { node, box, slot, body: $('tbody', box), more: $('[data-more]', box) };
}

/** @template T @param {Settings<T>} settings */
export function pagedTable({
  label,
  className,
  noun,
  nouns,
  columns,
  page,
  step = STEP,
  empty,
  row,
  onshown,
  ...at
}) {
  const { node, box, slot, body, more } = skeletonOf(label, className, columns);
  let [path, total] = [at.path, at.total ?? null];
  /** @type {string | null} */
  let cursor = null;
  let turn = 0;

  /** @param {Page<T>} next */
  function append(next) {
    body.append(...next.data.map((item) => withRoles(row(item))));
    cursor = next.nextCursor;
    const words = footWords(body.childElementCount, [noun, nouns], Boolean(cursor), total);
    drawRest(box, words, Boolean(cursor), empty);
    return words;
  }

  async function grow() {
    const mine = turn;
    const first = body.childElementCount;
    try {
      const next = await pageOf(path, step, cursor);
      if (mine !== turn) return;
      slot.replaceChildren();
      append(next);
      onshown(body.childElementCount);
      $('a, button, summary', body.children[first])?.focus();
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
      const rows = await firstRows(next, step, step);
      if (mine !== turn) return;
      [path, total] = [next, count];
      slot.replaceChildren();
      body.replaceChildren();
      announce(append(rows));
      onshown(0);
    } catch (problem) {
      if (mine === turn) showProblem(slot, problem);
    } finally {
      if (mine === turn) box.removeAttribute('aria-busy');
    }
  }

  more.addEventListener('click', () => busy(more, grow));
  append(page);
  return { node, load };
}
