// Delete all tokens: first which, then the deed.

/** @import { TokenLabel } from '../types.js' */
import { api } from '../api.js';
import { tell } from '../channel.js';
import { html } from '../dom.js';
import { plural } from '../format.js';
import { busy, showProblem } from '../ui/busy.js';
import { dialog, open } from '../ui/dialog.js';
import { banner, tokenRows } from '../ui/parts.js';
import { toast } from '../ui/toast.js';

/** @param {number} count @param {TokenLabel[]} tokens */
const body = (count, tokens) => [
  banner({
    tone: 'warn',
    symbol: 'exclamation-triangle',
    body: html`<p>
      <strong>Every call with ${count === 1 ? 'it' : 'them'} gets 401 from that moment on.</strong>
      Pipelines that use one fail on their next run. This cannot be undone.
    </p>`,
  }),
  html`<div class="card">${tokenRows(tokens)}</div>`,
  tokens.length < count ? html`<p class="small muted">and ${count - tokens.length} more</p>` : '',
];

/** @typedef {{ count: number, data: TokenLabel[] }} Found */

/** What would be deleted. @returns {Promise<Found>} */
export const findAll = () => api.delete('/api-keys', { except: [], dryRun: true });

/**
 * @param {Found} found
 * @returns {Promise<boolean>} whether tokens were deleted
 */
export async function openDeleteAll({ count, data }) {
  if (!count) {
    toast('You have no active token.');
    return false;
  }
  const slot = html`<div></div>`;
  const remove = html`<button type="button" class="button button-danger">
    Delete ${plural(count, 'token')}
  </button>`;
  const node = dialog({
    title: `Delete all ${plural(count, 'active token')}?`,
    body: html`<div class="stack">${body(count, data)}${slot}</div>`,
    foot: [html`<button type="button" class="button" data-close autofocus>Cancel</button>`, remove],
  });
  const work = async () => {
    try {
      const done = await api.delete('/api-keys', { except: [], dryRun: false });
      tell({ kind: 'tokens' });
      node.close('deleted');
      toast(`${plural(done.count, 'token')} deleted.`);
    } catch (problem) {
      showProblem(slot, problem, remove);
    }
  };
  remove.addEventListener('click', () => busy(remove, work));
  return (await open(node)) === 'deleted';
}
