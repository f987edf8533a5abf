// A sortable table that stays a table for screen readers when the style sheet turns it into cards (`display:
// grid` drops the implicit roles, so they are written out).

/** @import { Content } from '../types.js' */
import { $, $$, announce, html, icon } from '../dom.js';
import { plural, fmt } from '../format.js';

/** @type {Record<string, string>} */
const ROLES = { TABLE: 'table', THEAD: 'rowgroup', TBODY: 'rowgroup', TR: 'row', TD: 'cell' };

/** @param {any} root */
export function withRoles(root) {
  for (const element of [root, ...$$('*', root)]) {
    if (ROLES[element.tagName]) element.setAttribute('role', ROLES[element.tagName]);
    else if (element.tagName === 'TH') {
      element.setAttribute('role', element.scope === 'row' ? 'rowheader' : 'columnheader');
    }
  }
  return root;
}

/**
 * @template T
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {string} className
 * @property {(item: T) => string | number | null} [by] makes the column sortable; null comes last
 * @property {boolean} [down] largest first
 */
/** @typedef {{ key: string, down: boolean }} Order */

/**
 * @template T
 * @param {T[]} items
 * @param {Column<T> | undefined} column
 * @param {boolean} down
 */
function sorted(items, column, down) {
  const by = column?.by;
  if (!by) return items;
  const direction = down ? -1 : 1;
  return [...items].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return (typeof x === 'string' ? x.localeCompare(String(y)) : x - Number(y)) * direction;
  });
}

/** @param {string} label @param {string} className @param {Content} heads */
export const frame = (label, className, heads) =>
  withRoles(
    html`<div class="table-box">
      <table class=${`table ${className}`}>
        <caption class="sr-only">
          ${label}
        </caption>
        <thead>
          <tr>
            ${heads}
          </tr>
        </thead>
        <tbody></tbody>
      </table>
      <div data-empty></div>
      <div class="table-foot">
        <span data-count></span
        ><button type="button" class="button button-small" data-more><span>Show more</span></button>
      </div>
    </div>`,
  );

/** @param {any} foot @param {number} count @param {number} shown @param {string} noun */
function drawFoot(foot, count, shown, noun) {
  const words = plural(count, noun);
  $('[data-count]', foot).textContent = count > shown ? `${fmt.number(shown)} of ${words}` : words;
  $('[data-more]', foot).hidden = count <= shown;
  foot.hidden = !count;
}

/** @param {Element} box @param {Order} order */
function markOrder(box, order) {
  for (const th of $$('thead th', box)) {
    if (th.dataset.key === order.key) th.setAttribute('aria-sort', order.down ? 'descending' : 'ascending');
    else th.removeAttribute('aria-sort');
  }
}

/**
 * Shows `shown` rows, and `step` more at each press of "Show more".
 * @template T
 * @param {{ label: string, className: string, noun: string, columns: Column<T>[], rows: T[],
 *   order: Order, shown: number,
 *   step?: number, empty: () => Content, row: (item: T) => any, onorder: (order: Order) => void,
 *   onmore: (shown: number) => void }} settings
 */
export function table({
  label,
  className,
  noun,
  columns,
  rows,
  order,
  shown,
  step = 50,
  empty,
  row,
  onorder,
  onmore,
}) {
  let items = rows;
  const headOf = (/** @type {Column<T>} */ column) =>
    html`<th scope="col" class=${column.className} data-key=${column.key}>
      ${column.by
        ? html`<button type="button" class="sort" @click=${() => turn(column)}>
            ${column.title}${icon('chevron-down')}
          </button>`
        : column.title}
    </th>`;
  const box = frame(label, className, columns.map(headOf));

  /** @param {Column<T>} column */
  function turn(column) {
    order = { key: column.key, down: order.key === column.key ? !order.down : Boolean(column.down) };
    draw();
    onorder(order);
    announce(`Sorted by ${column.title}, ${order.down ? 'descending' : 'ascending'}.`);
  }

  function draw() {
    markOrder(box, order);
    const all = sorted(
      items,
      columns.find((column) => column.key === order.key),
      order.down,
    );
    $('tbody', box).replaceChildren(...all.slice(0, shown).map((item) => withRoles(row(item))));
    $('table', box).hidden = !items.length;
    $('[data-empty]', box).replaceChildren(...(items.length ? [] : [empty()]));
    drawFoot($('.table-foot', box), items.length, shown, noun);
  }

  $('[data-more]', box).addEventListener('click', () => {
    const first = shown;
    shown += step;
    draw();
    onmore(shown);
    $('a', $$('tbody tr', box)[first])?.focus();
  });
  draw();

  return {
    node: box,
    /** @param {Order} next */
    sort(next) {
      order = next;
      draw();
    },
    /** @param {T[]} next */
    update(next) {
      items = next;
      shown = step;
      draw();
    },
  };
}
