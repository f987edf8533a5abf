// Moments on the page: in words, exact on hover and for machines.

import { $$, html } from '../dom.js';
import { fmt, fromNow } from '../format.js';

/**
 * Relative; brought up to date each half minute while it is on the page.
 * @param {string | null | undefined} time
 */
export function when(time) {
  if (!time) return html`<span class="muted">Never</span>`;
  return html`<time datetime=${time} title=${fmt.exact(time)} data-relative>${fromNow(time)}</time>`;
}

const isThisYear = (/** @type {string} */ time) => new Date(time).getFullYear() === new Date().getFullYear();

/**
 * `short` leaves out a year that is the current one.
 * @param {string} time
 */
export function onDay(time, { short = false } = {}) {
  const text = short && isThisYear(time) ? fmt.dayShort(time) : fmt.day(time);
  return html`<time datetime=${time} title=${fmt.exact(time)}>${text}</time>`;
}

/** Day and time of day. @param {string} time */
export function stamp(time) {
  const text = isThisYear(time) ? fmt.stampShort(time) : fmt.stamp(time);
  return html`<time datetime=${time} title=${fmt.exact(time)}>${text}</time>`;
}

setInterval(() => {
  for (const element of $$('time[data-relative]')) element.textContent = fromNow(element.dateTime);
}, 30_000);
