// What the actions of the audit log are called, and the sentence of each: who did what.

/** @import { AuditEvent, Content } from '../../types.js' */
import { html } from '../../dom.js';
import { account, named, ones, renamed, subject, target, test, token, who } from './names.js';
import * as sentences from './sentences.js';

/** @param {string} verb @param {string} thing @returns {(event: AuditEvent) => Content} */
const did = (verb, thing) => (event) => [who(event), ` ${verb} the ${thing} `, target(event)];

/** @param {string} verb @param {string} thing @param {string} prefix @returns {(event: AuditEvent) => Content} */
const tested = (verb, thing, prefix) => (event) => [
  who(event),
  ` ${verb} the ${thing} `,
  test(event, prefix),
];

/** @param {string} words @returns {(event: AuditEvent) => Content} */
const just = (words) => (event) => [who(event), ` ${words}`];

/** Of every action of the API (server/openapi.json): what it is called, and its sentence. @type {Record<string, [string, (event: AuditEvent) => Content]>} */
const ACTIONS = {
  'api_key.created': ['Generated', (event) => [who(event), ' generated the token ', token(event)]],
  'api_key.rotated': ['Rotated', (event) => [who(event), ' rotated the token ', token(event)]],
  'api_key.revoked': ['Revoked', sentences.revoked],
  'api_key.expired': ['Expired', (event) => ['The token ', token(event), ' expired']],
  'api_key.rate_limit_set': ['Rate limit set', sentences.rateLimit],
  'api_key.hash_renewed': [
    'Hash renewed',
    (event) => ['The token ', target(event), ' was used, and hashed anew at the configured cost'],
  ],
  'reminder.acknowledged': [
    'Reminder acknowledged',
    (event) => [who(event), ' acknowledged the reminder of the token ', target(event)],
  ],
  'user.created': [
    'Account added',
    (event) => [
      who(event),
      ' added ',
      subject(event),
      event.detail.kind === 'service'
        ? ', a service account'
        : `, ${sentences.ROLES[event.detail.orgRole] ?? 'an account'}`,
    ],
  ],
  'user.updated': ['Account changed', sentences.accountChanged],
  'user.deactivated': ['Account deactivated', (event) => [who(event), ' deactivated ', subject(event)]],
  'user.reactivated': ['Account reactivated', (event) => [who(event), ' reactivated ', subject(event)]],
  'user.deleted': ['Account deleted', (event) => [who(event), ' deleted the account of ', subject(event)]],
  'user.custodian_added': [
    'Custodian added',
    (event) => [
      who(event),
      ' made ',
      account(event, event.detail.userId),
      ' a custodian of ',
      subject(event),
    ],
  ],
  'user.custodian_removed': [
    'Custodian removed',
    (event) => [
      who(event),
      ' removed ',
      account(event, event.detail.userId),
      ' as a custodian of ',
      subject(event),
    ],
  ],
  'user.password_link_made': ['Password link made', sentences.link],
  'user.password_link_requested': [
    'Password link requested',
    (event) => ['Somebody asked for a link to set a new password for ', subject(event)],
  ],
  'user.password_changed': ['Password changed', sentences.passwordChanged],
  'user.password_set': ['Password set', (event) => [who(event), ' set ', ones(event, 'password')]],
  'user.hash_renewed': [
    'Password hash renewed',
    (event) => [subject(event), ' signed in, and the password was hashed anew at the configured cost'],
  ],
  'user.mail_changed': [
    'Mails chosen',
    (event) =>
      event.actor.kind === 'system'
        ? ['Mails to ', subject(event), ' were turned off by the link in a mail']
        : [who(event), ' changed which mails they get'],
  ],
  'calendar.created': ['Calendar address made', just('made the address of their calendar')],
  'calendar.deleted': ['Calendar address removed', just('removed the address of their calendar')],
  'session.created': ['Signed in', just('signed in')],
  'session.refused': [
    'Sign-in refused',
    (event) => [
      'A sign-in as ',
      subject(event),
      event.detail.reason === 'wrong_password' ? ' was refused: wrong password' : ' was refused',
    ],
  ],
  'session.confirmed': ['Password confirmed', just('confirmed the password')],
  'session.deleted': ['Session ended', just('ended one of their sessions')],
  'organization.created': ['Organization created', just('created the organization')],
  'organization.updated': ['Settings changed', sentences.organizationChanged],
  'organization.restored': ['Restored from a backup', just('restored the service from a backup')],
  'project.created': ['Project created', did('created', 'project')],
  'project.updated': [
    'Project renamed',
    (event) => [who(event), ' renamed the project', renamed(event.detail.name)],
  ],
  'project.member_set': [
    'Member set',
    (event) => [
      who(event),
      ' made ',
      account(event, event.detail.userId),
      ` ${sentences.PROJECT_ROLES[event.detail.role] ?? 'a member'} of the project `,
      target(event),
    ],
  ],
  'project.member_removed': [
    'Member removed',
    (event) => [
      who(event),
      ' removed ',
      account(event, event.detail.userId),
      ' from the project ',
      target(event),
    ],
  ],
  'test_case.created': ['Test case created', tested('created', 'test case', 'TC')],
  'test_case.updated': ['Test case renamed', tested('changed the title of', 'test case', 'TC')],
  'test_case.archived': ['Test case archived', tested('archived', 'test case', 'TC')],
  'test_cycle.created': ['Test cycle created', tested('created', 'test cycle', 'TCYCLE')],
  'test_cycle.updated': ['Test cycle renamed', tested('renamed', 'test cycle', 'TCYCLE')],
  'test_cycle.archived': ['Test cycle archived', tested('archived', 'test cycle', 'TCYCLE')],
  'automation.results_received': ['Results received', sentences.results],
  'webhook.created': ['Webhook added', did('added', 'webhook')],
  'webhook.updated': [
    'Webhook changed',
    (event) => [who(event), ' changed the webhook ', named(event.target.name)],
  ],
  'webhook.deleted': ['Webhook deleted', did('deleted', 'webhook')],
  'webhook.disabled': [
    'Webhook disabled',
    (event) => ['The webhook ', target(event), ' was disabled', sentences.because(event)],
  ],
  'webhook.tested': [
    'Webhook tested',
    (event) => [who(event), ' sent a test by the webhook ', target(event)],
  ],
  'webhook.redelivered': [
    'Delivery repeated',
    (event) => [who(event), ' had a delivery of the webhook ', target(event), ' repeated'],
  ],
  'webhook.secret_rotated': ['Webhook secret rotated', did('rotated the secret of', 'webhook')],
};

/** The choices of the filter: words, the kind of target when there is one, and actions. @type {[string, string | null, string[]][]} */
const AREAS = [
  ['Tokens', 'api_key', ['api_key.', 'reminder.']],
  ['People', 'user', ['user.', 'calendar.']],
  ['Sign-ins', null, ['session.']],
  ['Organization', 'organization', ['organization.']],
  ['Projects', 'project', ['project.']],
  ['Tests', null, ['test_', 'automation.']],
  ['Webhooks', 'webhook', ['webhook.']],
];

/** Groups of a select: title, kind of target or null, actions with their words. @type {[string, string | null, [string, string][]][]} */
export const GROUPS = AREAS.map(([title, kind, prefixes]) => [
  title,
  kind,
  Object.entries(ACTIONS).flatMap(([action, [words]]) =>
    prefixes.some((prefix) => action.startsWith(prefix)) ? [[action, words]] : [],
  ),
]);

/** The sentence; of an action that this page does not know yet, its name. @param {AuditEvent} event @returns {Content} */
export function sentence(event) {
  const words = ACTIONS[event.action]?.[1];
  return words ? words(event) : [who(event), ': ', html`<code>${event.action}</code>`];
}
