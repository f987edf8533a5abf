// Every view and its path. A path that is not here belongs to the server (/docs, for example).

/** @import { View } from './types.js' */
import { AUDIT_LOG, HOME, PROJECTS, REMINDERS } from './address.js';
import account from './views/account.js';
import apiKeys from './views/api-keys.js';
import auditLog from './views/audit-log.js';
import people from './views/people.js';
import person from './views/person.js';
import projectMembers from './views/project-members.js';
import projects from './views/projects.js';
import reminders from './views/reminders.js';
import rotate from './views/rotate.js';
import setPassword from './views/set-password.js';
import signIn from './views/sign-in.js';
import testCase from './views/test-case.js';
import testCases from './views/test-cases.js';
import testCycle from './views/test-cycle.js';
import testCycles from './views/test-cycles.js';
import tokenDetail from './views/token-detail.js';
import webhook from './views/webhook.js';
import webhooks from './views/webhooks.js';

/** @type {[string, View][]} */
const VIEWS = [
  ['/sign-in', signIn],
  ['/set-password', setPassword],
  [HOME, apiKeys],
  [`${HOME}/:id`, tokenDetail],
  [`${HOME}/:id/rotate`, rotate],
  ['/settings/people', people],
  ['/settings/people/:id', person],
  [PROJECTS, projects],
  [`${PROJECTS}/PRJ-:number`, projectMembers],
  ['/settings/webhooks', webhooks],
  ['/settings/webhooks/:id', webhook],
  [AUDIT_LOG, auditLog],
  [REMINDERS, reminders],
  ['/account', account],
  ['/test-cases', testCases],
  ['/test-cases/TC-:number', testCase],
  ['/test-cycles', testCycles],
  ['/test-cycles/TCYCLE-:number', testCycle],
];
const PREFIXES = ['/settings', '/account', '/sign-in', '/set-password', '/test-cases', '/test-cycles'];
const NUMBER = /^[1-9]\d{0,18}$/;

/**
 * What a part of a path gives: "TC-:number" and "TC-7" give ["number", "7"]; null when they differ.
 * @param {string} wanted
 * @param {string} given
 */
function valueOf(wanted, given) {
  const [prefix, key] = wanted.split(':');
  if (key === undefined) return wanted === given ? [] : null;
  const value = given.startsWith(prefix) ? given.slice(prefix.length) : '';
  return NUMBER.test(value) ? [key, value] : null;
}

/** @param {string} path */
export function match(path) {
  const given = path.split('/');
  for (const [pattern, view] of VIEWS) {
    const wanted = pattern.split('/');
    const values = wanted.map((part, i) => valueOf(part, given[i] ?? ''));
    if (wanted.length !== given.length || values.includes(null)) continue;
    const named = values.flatMap((value) => (value?.length ? [value] : []));
    return { view, params: /** @type {Record<string, string>} */ (Object.fromEntries(named)) };
  }
  return null;
}

/** Whether this page draws the path, be it as "nothing here". @param {string} path */
export const isOurs = (path) =>
  path === '/' || PREFIXES.some((one) => path === one || path.startsWith(`${one}/`));
