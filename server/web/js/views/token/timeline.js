// The history of a token, newest first.

/** @import { HistoryEntry, Session } from '../../types.js' */
import { auditPath } from '../../address.js';
import { html, icon } from '../../dom.js';
import { when } from '../../ui/time.js';

/** @type {Record<HistoryEntry['event'], [string, string]>} event → words, symbol */
const EVENTS = {
  created: ['Generated', 'plus-lg'],
  rotated: ['Rotated: its successor was generated', 'arrow-repeat'],
  revoked: ['Deleted', 'x-lg'],
  expired: ['Expired', 'clock-history'],
  rate_limit_set: ['Rate limit changed', 'sliders'],
};

/** @param {HistoryEntry} entry @param {number} me */
function entryItem({ at, event, actor, note }, me) {
  const [words, symbol] = EVENTS[event] ?? [event, 'info-circle'];
  const by = actor && [' by ', actor.userId === me ? 'you' : html`<bdi dir="auto">${actor.name}</bdi>`];
  const quote = note ? html`: <q><bdi dir="auto">${note}</bdi></q>` : '';
  return html`<li>
    <span class="dot">${icon(symbol)}</span>
    <div>
      <p>${words}${by}${quote}</p>
      ${when(at)}
    </div>
  </li>`;
}

/** @param {HistoryEntry[]} entries @param {number} tokenId @param {Session} session the reader's */
export const timeline = (entries, tokenId, { user }) =>
  html`<section class="card" aria-labelledby="history-title">
    <div class="card-head">
      <h2 id="history-title">History</h2>
      ${user.orgRole === 'member'
        ? ''
        : html`<a class="small" href=${auditPath({ targetKind: 'api_key', targetId: tokenId })}
            >What was done to it, in the audit log</a
          >`}
    </div>
    <div class="card-body">
      <ol class="timeline">
        ${entries.map((entry) => entryItem(entry, user.id))}
      </ol>
    </div>
  </section>`;
