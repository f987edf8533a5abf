// What a failed test said: its beginning, and all of it on demand.

/** @import { Context } from '../../types.js' */
import { html, icon } from '../../dom.js';

const SHORT = 140;

/** @param {string} first @param {string} tone */
const oneLine = (first, tone) =>
  html`<span class=${`sub break ${tone}`}><bdi dir="auto">${first}</bdi></span>`;

/** @param {string} message @param {string} first @param {string} tone */
const folded = (message, first, tone) =>
  html`<details class="disclosure message">
    <summary>
      ${icon('chevron-right', 'chevron')}<span class=${tone}><bdi dir="auto">${first}</bdi></span>
    </summary>
    <pre dir="auto">${message}</pre>
  </details>`;

/**
 * Gives the function that draws a message. Those that are open stay so when the view is drawn again.
 * @param {Context} context
 */
export function messages({ kept, keep }) {
  const open = new Set(Array.isArray(kept.open) ? kept.open : []);
  /** @param {string | null} message @param {string} status @param {string} key of the row */
  return (message, status, key) => {
    if (!message?.trim()) return '';
    const tone = status === 'fail' ? 'danger-text' : '';
    const first = message.trim().split('\n', 1)[0];
    if (message.trim() === first && first.length <= SHORT) return oneLine(first, tone);
    const details = folded(message, first, tone);
    details.open = open.has(key);
    details.addEventListener('toggle', () => {
      if (details.open === open.has(key)) return;
      if (details.open) open.add(key);
      else open.delete(key);
      keep({ open: [...open] });
    });
    return details;
  };
}
