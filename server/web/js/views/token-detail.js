// One token: its life, facts, use and history.

/** @import { Context, HistoryEntry, Impact, Page, Token, View } from '../types.js' */
import { HOME } from '../address.js';
import { api } from '../api.js';
import { openDelete } from '../dialogs/delete-token.js';
import { html, icon, name } from '../dom.js';
import { plural } from '../format.js';
import { navigate } from '../router.js';
import { guidePath, isLive, lifeline, product, stateBadge, stateOf } from '../token.js';
import { once } from '../ui/busy.js';
import { blank, crumbs, head } from '../ui/parts.js';
import { usageChart } from '../ui/chart.js';
import { onDay, when } from '../ui/time.js';
import { facts } from './token/facts.js';
import { timeline } from './token/timeline.js';
import { stateNote } from './token/note.js';
import { usageTable } from './token/usage.js';

/** @typedef {{ token: Token, impact: Impact, history: Page<HistoryEntry> }} Data */

const DAYS = 30;

/** @param {Token} token @param {Context} context */
function actionsFor(token, context) {
  const remove = html`<button type="button" class="button button-danger-quiet">
    ${icon('trash3')}Delete
  </button>`;
  const work = once(async () => {
    if (await openDelete(token)) await (stateOf(token).key === 'none' ? navigate(HOME) : context.reload());
  });
  remove.addEventListener('click', work);
  const state = stateOf(token).key;
  if (token.rotation.predecessorId || !['none', 'due', 'overdue'].includes(state)) return remove;
  const look = state === 'none' ? 'button' : 'button button-primary';
  return [html`<a class=${look} href=${guidePath(token)}>${icon('arrow-repeat')}Rotate</a>`, remove];
}

/** @param {Token} token */
function life(token) {
  const live = isLive(token);
  return html`<div class="life-big">
    ${lifeline(token, { decorative: false })}
    <div class="life-marks">
      <div><b>Created ${onDay(token.createdAt)}</b>${plural(token.expiresInDays, 'day')}</div>
      <div><b>Rotate by ${onDay(token.rotateAt)}</b>${live ? when(token.rotateAt) : ''}</div>
      <div>
        <b>${live ? 'Expires' : 'Was to expire'} ${onDay(token.expiresAt)}</b>${live
          ? when(token.expiresAt)
          : ''}
      </div>
    </div>
  </div>`;
}

/** @param {Token} token */
function unused(token) {
  const live = isLive(token);
  if (!token.lastUsedAt) {
    const body = live
      ? 'As soon as a call arrives with this token, its address, client and route appear here.'
      : 'No call ever arrived with this token.';
    return blank({ symbol: 'clock-history', title: live ? 'Not used yet' : 'Never used', body });
  }
  const from = html`<span>
    The last call came ${when(token.lastUsedAt)}, from ${product(token.lastUsedClient) || 'an unknown client'}
    at ${token.lastUsedIp}.
  </span>`;
  return blank({ symbol: 'clock-history', title: `Quiet for ${DAYS} days`, body: from });
}

/** @param {Token} token @param {Impact} impact @param {Context} context */
function use(token, impact, context) {
  if (!impact.calls && !impact.refused) return html`<section class="card">${unused(token)}</section>`;
  return [
    html`<section class="card" aria-labelledby="activity-title">
      <div class="card-head">
        <h2 id="activity-title">Calls per day</h2>
        <span class="muted small">${DAYS} days</span>
      </div>
      <div class="card-body">${usageChart(impact.perDay, context)}</div>
    </section>`,
    usageTable(impact, context),
  ];
}

/** @type {View<Data>} */
export default {
  title: 'Token',
  named: true,
  live: true,

  async load({ params: { id } }) {
    const [token, impact, history] = await Promise.all([
      api.get(`/api-keys/${id}`),
      api.get(`/api-keys/${id}/impact?days=${DAYS}`),
      api.get(`/api-keys/${id}/history?limit=200`),
    ]);
    return { token, impact, history };
  },

  render({ token, impact, history }, context) {
    return html`<div class="page">
      ${head({
        above: crumbs(['API Keys', HOME], ['Token']),
        title: name(token.name),
        badge: stateBadge(token),
        actions: isLive(token) ? actionsFor(token, context) : null,
      })}
      ${stateNote(token, context.session.user.id)}
      <section class="card" aria-label="Facts">
        <div class="card-body stack">
          ${life(token)}
          <hr />
          ${facts(token, impact, context.session)}
        </div>
      </section>
      ${use(token, impact, context)}${timeline(history.data, token.id, context.session)}
    </div>`;
  },
};
