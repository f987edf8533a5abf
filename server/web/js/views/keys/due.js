// The banner over the list: which tokens are due for rotation.

/** @import { Token } from '../../types.js' */
import { html, name } from '../../dom.js';
import { fmt, fromNow, ms } from '../../format.js';
import { guidePath } from '../../token.js';
import { banner } from '../../ui/parts.js';

const NAMED = 3;

/** @param {Token} token @param {number} i */
const mention = (token, i) => [
  i ? ', ' : '',
  html`<a href=${guidePath(token)}>${name(token.name)}</a>`,
  i ? ' ' : ' expires ',
  fromNow(token.expiresAt),
];

/** @param {Token[]} due @param {() => void} review */
export function dueBanner(due, review) {
  if (!due.length) return '';
  const soonest = [...due].sort((a, b) => ms(a.expiresAt) - ms(b.expiresAt));
  const one = due.length === 1;
  const title = one
    ? 'A token is due for rotation: '
    : `${fmt.number(due.length)} tokens are due for rotation: `;
  const rest = due.length > NAMED ? ` and ${fmt.number(due.length - NAMED)} more` : '';
  return banner({
    tone: 'warn',
    symbol: 'calendar-event',
    body: html`<p><strong>${title}</strong>${soonest.slice(0, NAMED).map(mention)}${rest}.</p>`,
    actions: one
      ? html`<a class="button button-small" href=${guidePath(due[0])}>Rotate</a>`
      : html`<button type="button" class="button button-small" @click=${review}>Review</button>`,
  });
}
