// Calls per day as stacked columns. The picture has a sentence, the numbers a table.

/** @import { Context, Impact } from '../types.js' */
import { $, html, icon, svg } from '../dom.js';
import { calls as callsOf, fmt, localDay } from '../format.js';

/** @typedef {Impact['perDay'][number]} Day */

const H = 168;
const PAD = { top: 10, right: 2, bottom: 22, left: 34 };
const FLOOR = H - PAD.bottom;

/** @param {number} n */
function niceCeiling(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8].find((step) => step * power >= n) ?? 10) * power;
}

/** @param {Day[]} days */
const scaleOf = (days) => niceCeiling(Math.max(...days.map((day) => day.calls + day.refused), 10));

/** @param {number} value @param {number} top */
const yOf = (value, top) => FLOOR - (value / top) * (FLOOR - PAD.top);

/** @param {Day} day */
function describe(day) {
  const refused = day.refused ? `, ${fmt.number(day.refused)} refused` : '';
  return `${fmt.weekday(localDay(day.day))}: ${callsOf(day.calls)}${refused}`;
}

/**
 * @param {string} className
 * @param {[number, number]} span x and width
 * @param {number} y
 * @param {number} height
 */
const rect = (className, [x, width], y, height) =>
  svg('rect', { class: className, x, y, width, height, rx: 1.5 });

/** @param {Day} day @param {number} x @param {number} width @param {number} top */
function column(day, x, width, top) {
  const gap = Math.min(5, width * 0.25);
  /** @type {[number, number]} */
  const span = [x + gap / 2, width - gap];
  return svg(
    'g',
    {},
    svg('rect', { class: 'hit', x, y: PAD.top, width, height: FLOOR - PAD.top }),
    day.calls ? rect('calls', span, yOf(day.calls, top), Math.max(1.5, FLOOR - yOf(day.calls, top))) : null,
    day.refused
      ? rect(
          'refused',
          span,
          yOf(day.calls + day.refused, top) - 1,
          Math.max(2, FLOOR - yOf(day.refused, top)),
        )
      : null,
  );
}

/** @param {number} width @param {number} top */
const lines = (width, top) =>
  [0, top / 2, top].flatMap((value) => [
    svg('line', {
      class: 'grid',
      x1: PAD.left,
      x2: width - PAD.right,
      y1: yOf(value, top),
      y2: yOf(value, top),
    }),
    svg('text', { x: PAD.left - 8, y: yOf(value, top) + 4, 'text-anchor': 'end' }, fmt.compact(value)),
  ]);

/** @param {Day[]} days @param {number} width @param {number} step */
function labels(days, width, step) {
  const last = days.length - 1;
  return (width < 420 ? [0, 1] : [0, 1 / 3, 2 / 3, 1]).map((share) => {
    const i = Math.round(share * last);
    const x = i === 0 ? PAD.left : i === last ? width - PAD.right : PAD.left + (i + 0.5) * step;
    const anchor = i === 0 ? 'start' : i === last ? 'end' : 'middle';
    const text = i === last ? 'Today' : fmt.dayShort(localDay(days[i].day));
    return svg('text', { x, y: H - 4, 'text-anchor': anchor }, text);
  });
}

/**
 * Drawn in real pixels, and again when the width changes, so that its text never shrinks.
 * @param {Day[]} days
 */
function picture(
  days,
  /** @type {any} */ readout,
  /** @type {string} */ sentence,
  /** @type {string} */ rest,
) {
  const node = svg('svg', { role: 'img', 'aria-label': sentence });
  const top = scaleOf(days);
  const draw = (/** @type {number} */ width) => {
    const step = (width - PAD.left - PAD.right) / days.length;
    const columns = days.map((day, i) => {
      const group = column(day, PAD.left + i * step, step, top);
      group.addEventListener('pointerenter', () => (readout.textContent = describe(day)));
      return group;
    });
    node.setAttribute('viewBox', `0 0 ${width} ${H}`);
    node.replaceChildren(...lines(width, top), ...columns, ...labels(days, width, step));
  };
  node.addEventListener('pointerleave', () => (readout.textContent = rest));
  draw(720);
  new ResizeObserver(([{ contentRect }]) => contentRect.width && draw(Math.round(contentRect.width))).observe(
    node,
  );
  return node;
}

/** @param {Day[]} days */
const numbers = (days) =>
  html`<table class="table">
    <thead>
      <tr>
        <th scope="col">Day</th>
        <th scope="col" class="num">Calls</th>
        <th scope="col" class="num">Refused</th>
      </tr>
    </thead>
    <tbody>
      ${[...days].reverse().map(
        (day) =>
          html`<tr>
            <th scope="row">${fmt.weekday(localDay(day.day))}</th>
            <td class="num">${fmt.number(day.calls)}</td>
            <td class="num">${fmt.number(day.refused)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;

/**
 * @param {Day[]} days oldest first, at least one
 * @param {Context} context keeps whether the numbers are shown
 */
export function usageChart(days, { kept, keep }) {
  const calls = days.reduce((sum, day) => sum + day.calls, 0);
  const refused = days.reduce((sum, day) => sum + day.refused, 0);
  const busiest = days.reduce((best, day) => (day.calls > best.calls ? day : best));
  const on = fmt.weekday(localDay(busiest.day));
  const rest = `Busiest: ${on}, ${callsOf(busiest.calls)}`;
  const sentence =
    `${callsOf(calls)} in ${days.length} days, ${fmt.number(refused)} refused. ` +
    `Busiest day: ${on} with ${fmt.number(busiest.calls)}.`;
  const readout = html`<p class="small quiet num">${rest}</p>`;
  const figure = html`<figure class="chart">
    <div class="chart-head">
      <div class="legend">
        <span class="key" --fill="var(--fill-calls)">${fmt.number(calls)} accepted</span>
        <span class="key" --fill="var(--fill-fail)">${fmt.number(refused)} refused</span>
      </div>
      ${readout}
    </div>
    ${picture(days, readout, sentence, rest)}
    <details class="disclosure small">
      <summary>${icon('chevron-right', 'chevron')}Numbers of each day</summary>
    </details>
  </figure>`;
  const details = $('details', figure);
  details.addEventListener('toggle', () => keep({ numbers: details.open }));
  details.addEventListener('toggle', () => details.append(numbers(days)), { once: true });
  details.open = Boolean(kept.numbers);
  return figure;
}
