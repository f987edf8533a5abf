// What platforms, events and states of webhooks are called.

/** @import { Delivery, Webhook } from '../../types.js' */
import { html, icon } from '../../dom.js';

export const WEBHOOKS = '/settings/webhooks';

/** @param {{ id: number }} hook */
export const hookPath = ({ id }) => `${WEBHOOKS}/${id}`;

export const PLATFORM = {
  slack: 'Slack',
  discord: 'Discord',
  teams: 'Microsoft Teams',
  google_chat: 'Google Chat',
  custom: 'Custom',
};

/** The events that can be chosen, in the order of the boxes. @type {[string, [string, string][]][]} */
export const EVENTS = [
  [
    'Tokens',
    [
      ['api_key.created', 'A token is generated'],
      ['api_key.rotated', 'A token is rotated'],
      ['api_key.revoked', 'A token is deleted'],
      ['api_key.expired', 'A token has expired'],
      ['api_key.rotation_due', 'A token is due for rotation'],
      ['api_key.expiring', 'A token expires soon'],
      ['api_key.leaked', 'A token has leaked'],
      ['api_key.rate_limited', 'A token exceeds its rate limit'],
    ],
  ],
  [
    'Accounts and tests',
    [
      ['user.deactivated', 'An account is deactivated'],
      ['automation.results_received', 'A pipeline reports results'],
      ['test_cycle.completed', 'A test cycle is complete'],
    ],
  ],
];
/** @type {Map<string, string>} */
const WORDS = new Map([...EVENTS.flatMap(([, rows]) => rows), ['webhook.test', 'Test']]);

/** @param {string} event */
export const eventWords = (event) => WORDS.get(event) ?? event;

/** @param {Webhook} hook */
export function hookState({ status, disabledReason, failingSince }) {
  if (status === 'disabled' && disabledReason !== 'admin')
    return html`<span class="badge" data-tone="danger">${icon('exclamation-octagon')}Disabled</span>`;
  if (status === 'disabled') return html`<span class="badge">Disabled</span>`;
  if (failingSince)
    return html`<span class="badge" data-tone="warn">${icon('exclamation-triangle')}Failing</span>`;
  return html`<span class="badge" data-tone="ok">Enabled</span>`;
}

/** Why a webhook is disabled, in a sentence. */
export const WHY = {
  admin: 'An admin disabled it.',
  gone: 'The address answered 410: it is gone for good.',
  failing: 'Every delivery of a week failed.',
};

/** @param {Delivery} delivery */
export function deliveryState({ state, attempts }) {
  if (state === 'sent') return html`<span class="badge" data-tone="ok">Sent</span>`;
  if (state === 'parked') return html`<span class="badge" data-tone="danger">Parked</span>`;
  return attempts
    ? html`<span class="badge" data-tone="warn">Retrying</span>`
    : html`<span class="badge">Queued</span>`;
}
