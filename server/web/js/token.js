// What the pages know about a token: its periods, its state in words, its place on the lifeline.

/** @import { Account, Session, Token } from './types.js' */
import { rotatePath } from './address.js';
import { html, icon } from './dom.js';
import { addDays, DAY, fmt, fromNow, ms } from './format.js';

/** @type {Record<number, string>} what each period is for */
export const USES = {
  7: 'Quick testing, one-time scripts, demos',
  30: 'Sprint-length projects, trial integrations',
  60: 'Medium-term projects, seasonal testing',
  90: 'Standard CI/CD pipelines, quarterly rotation',
  180: 'Stable integrations, semi-annual rotation',
  365: 'Long-term stable integrations; rotate annually',
};

export const RECOMMENDED = 90;

export const NAME_EXAMPLES = [
  'GitHub Actions — Production Pipeline',
  'GitLab CI — Staging Tests',
  'API Script — Nightly Report',
  'Local Development',
];

/**
 * A client without its version: "curl" of "curl/8.5.0".
 * @param {string | null} client
 */
export const product = (client) => client?.split('/')[0] ?? '';

/** @param {Token} token */
export const isLive = (token) => token.status === 'active';

/** @param {Token} token */
export const isExpiring = (token) => isLive(token) && token.rotation.state !== 'none';

/** @param {Token} token */
export const isDue = (token) => isLive(token) && ['due', 'overdue'].includes(token.rotation.state);

/** Where the rotation of a token is shown: at the old one of the pair. @param {Token} token */
export const guidePath = (token) => rotatePath(token.rotation.predecessorId ?? token.id);

/**
 * Why a token has ended, in words; `me` is the reader's user id.
 * @param {Token} token
 * @param {number} me
 */
export function endedBecause(token, me) {
  const { endedReason, endedBy } = token;
  if (endedReason === 'expired') return 'Expired on its date';
  if (endedReason === 'owner_deactivated') return 'Its owner was deactivated';
  if (endedReason === 'owner_deleted') return 'Its owner was deleted';
  if (endedReason === 'leaked') return 'Reported as leaked';
  if (!endedBy) return 'Revoked';
  return endedBy.userId === me ? 'Deleted by you' : `Revoked by ${endedBy.name}`;
}

/** @typedef {{ key: string, label: string, short?: string, tone: string, icon?: string }} State */

/** @type {Record<string, State>} */
const STATES = {
  revoked: { key: 'revoked', label: 'Revoked', tone: 'plain', icon: 'x-lg' },
  expired: { key: 'expired', label: 'Expired', tone: 'plain', icon: 'clock-history' },
  safe_to_delete: { key: 'safe', label: 'Safe to delete', tone: 'ok', icon: 'check-circle' },
  overlap: { key: 'overlap', label: 'In overlap', tone: 'info', icon: 'arrow-repeat' },
  overdue: {
    key: 'overdue',
    label: 'Rotation overdue',
    short: 'Rotate now',
    tone: 'danger',
    icon: 'exclamation-octagon',
  },
  due: {
    key: 'due',
    label: 'Rotation due',
    short: 'Rotate now',
    tone: 'warn',
    icon: 'exclamation-triangle',
  },
};

/** One word for each state, the same everywhere. @param {Token} token @returns {State} */
export function stateOf(token) {
  const state = STATES[isLive(token) ? token.rotation.state : token.status];
  if (state) return state;
  const moment = fromNow(token.rotateAt);
  return { key: 'none', label: `Rotate ${moment}`, short: moment, tone: 'plain' };
}

/**
 * `short` for a column that is headed "Rotation"; `link` where it leads somewhere.
 * @param {Token} token
 */
export function stateBadge(token, { short = false, link = false } = {}) {
  const state = stateOf(token);
  const text = short ? (state.short ?? state.label) : state.label;
  const chevron = link && state.key !== 'none' ? icon('chevron-right') : '';
  return html`<span class="badge" data-tone=${state.tone}>
    ${state.icon ? icon(state.icon) : ''}${text}${chevron}
  </span>`;
}

/** @typedef {Pick<Token, 'createdAt' | 'expiresAt' | 'rotateAt' | 'expiresInDays' | 'status'>
 *    & { endedAt?: string | null }} Life */

/** @param {number} value */
const share = (value) => Math.min(1, Math.max(0, value)).toFixed(4);

/** @param {Life} token @param {number} now */
function lifeTone(token, now) {
  if (token.status !== 'active') return 'over';
  if (ms(token.expiresAt) - now < 3 * DAY && token.expiresInDays > 7) return 'danger';
  return now >= ms(token.rotateAt) ? 'warn' : 'good';
}

/**
 * A token's whole life as one line. Decorative beside words; where it stands alone it says in words what it
 * shows.
 * @param {Life} token
 */
export function lifeline(token, { decorative = true } = {}) {
  const born = ms(token.createdAt);
  const whole = ms(token.expiresAt) - born;
  const until = token.endedAt ? ms(token.endedAt) : Date.now();
  const words =
    `Created ${fmt.day(token.createdAt)}, rotate by ${fmt.day(token.rotateAt)}, ` +
    `expires ${fmt.day(token.expiresAt)}`;
  return html`<div
    class="life"
    data-tone=${lifeTone(token, Date.now())}
    role=${decorative ? null : 'img'}
    aria-hidden=${decorative ? 'true' : null}
    aria-label=${decorative ? null : words}
    --at=${share((until - born) / whole)}
    --due=${share((ms(token.rotateAt) - born) / whole)}
  ></div>`;
}

/**
 * The line of a token that does not exist yet.
 * @param {number} days
 * @param {number} rotateOn
 * @returns {Life}
 */
export const preview = (days, rotateOn) => ({
  createdAt: new Date().toISOString(),
  expiresAt: addDays(Date.now(), days).toISOString(),
  rotateAt: addDays(Date.now(), rotateOn).toISOString(),
  expiresInDays: days,
  status: 'active',
});

/** Whether somebody pasted a token, to find which one it is: it must not stand in an address. @param {string} text */
export const holdsToken = (text) => /tk_pat_\w{9}/.test(text);

/**
 * What a new token will be able to do.
 * @param {Session} session
 * @param {Account} [service] the owner, when it is not the reader
 */
export function reach({ user, organization }, service) {
  if (service) {
    return service.orgRole === 'member'
      ? 'It can do what the service account can, in the projects that the account is a member of.'
      : `It can do everything that an admin of ${organization.name} can, in every project.`;
  }
  return user.orgRole === 'member'
    ? 'It can do what you can, in the projects that you are a member of.'
    : `It can do everything that you can as ${user.orgRole} of ${organization.name}, in every project.`;
}
