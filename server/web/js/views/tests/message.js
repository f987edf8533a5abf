// What a failed test said: its beginning, and all of it on demand.

import { html, icon } from '../../dom.js';

const SHORT = 140;

/** @param {string | null} message @param {string} status */
export function messageOf(message, status) {
  if (!message?.trim()) return '';
  const tone = status === 'fail' ? 'danger-text' : '';
  const first = message.trim().split('\n', 1)[0];
  if (message.trim() === first && first.length <= SHORT)
    return html`<span class=${`sub break ${tone}`}><bdi dir="auto">${first}</bdi></span>`;
  return html`<details class="disclosure message">
    <summary>
      ${icon('chevron-right', 'chevron')}<span class=${tone}><bdi dir="auto">${first}</bdi></span>
    </summary>
    <pre dir="auto">${message}</pre>
  </details>`;
}
