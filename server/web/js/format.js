// Dates, numbers and words. Dates follow the viewer's zone and language, the exact time is on hover; phrases
// ("in 8 days") follow the language of the page, so that no sentence mixes two.

const language = navigator.languages?.length ? navigator.languages : undefined;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** @typedef {string | number | Date} Time */

/** @param {Intl.DateTimeFormatOptions} options */
const dates = (options) => {
  const format = new Intl.DateTimeFormat(language, options);
  return (/** @type {Time} */ time) => format.format(new Date(time));
};
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const number = new Intl.NumberFormat(language);
const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });

export const fmt = {
  day: dates({ day: 'numeric', month: 'short', year: 'numeric' }),
  dayShort: dates({ day: 'numeric', month: 'short' }),
  weekday: dates({ weekday: 'short', day: 'numeric', month: 'short' }),
  exact: dates({ dateStyle: 'full', timeStyle: 'long' }),
  stamp: dates({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }),
  stampShort: dates({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }),
  clock: dates({ hour: '2-digit', minute: '2-digit' }),
  number: (/** @type {number} */ n) => number.format(n),
  compact: (/** @type {number} */ n) => compact.format(n),
};

/** @param {Time} time */
export const ms = (time) => new Date(time).getTime();

/**
 * "in 8 days", "4 minutes ago": whole units, rounded so that a deadline never looks further off than it is.
 * @param {Time} time
 */
export function fromNow(time, now = Date.now()) {
  const difference = ms(time) - now;
  const size = Math.abs(difference);
  const round = difference < 0 ? Math.ceil : Math.floor;
  if (size < MINUTE) return difference < 0 ? 'just now' : 'in less than a minute';
  if (size < HOUR) return relative.format(round(difference / MINUTE), 'minute');
  if (size < DAY || (difference > 0 && size < 2 * DAY))
    return relative.format(round(difference / HOUR), 'hour');
  if (size < 100 * DAY) return relative.format(round(difference / DAY), 'day');
  return relative.format(round(difference / (30.44 * DAY)), 'month');
}

/** @param {number} count @param {string} one */
export const plural = (count, one, many = `${one}s`) => `${number.format(count)} ${count === 1 ? one : many}`;

/** @param {number} n */
export const calls = (n) => plural(n, 'call');

/** @param {Time} time @param {number} days */
export const addDays = (time, days) => new Date(ms(time) + days * DAY);

/**
 * A day without a time, such as "2026-11-27" (UTC), as a moment that falls on that day here.
 * @param {string} day
 */
export const localDay = (day) => {
  const [year, month, date] = day.split('-').map(Number);
  return new Date(year, month - 1, date, 12);
};
