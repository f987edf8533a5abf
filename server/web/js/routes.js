// Every view and its path. A path that is not here belongs to the server (/docs, for example).

/** @import { View } from './types.js' */
import { HOME, REMINDERS } from './address.js';

/** @type {[string, () => Promise<{ default: View }>][]} */
const VIEWS = [
  ['/sign-in', () => import('./views/sign-in.js')],
  ['/set-password', () => import('./views/set-password.js')],
  [HOME, () => import('./views/api-keys.js')],
  [`${HOME}/:id`, () => import('./views/token-detail.js')],
  [`${HOME}/:id/rotate`, () => import('./views/rotate.js')],
  ['/settings/people', () => import('./views/people.js')],
  ['/settings/people/:id', () => import('./views/person.js')],
  ['/settings/webhooks', () => import('./views/webhooks.js')],
  ['/settings/webhooks/:id', () => import('./views/webhook.js')],
  [REMINDERS, () => import('./views/reminders.js')],
  ['/account', () => import('./views/account.js')],
  ['/test-cases', () => import('./views/test-cases.js')],
  ['/test-cases/TC-:number', () => import('./views/test-case.js')],
  ['/test-cycles', () => import('./views/test-cycles.js')],
  ['/test-cycles/TCYCLE-:number', () => import('./views/test-cycle.js')],
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
  for (const [pattern, module] of VIEWS) {
    const wanted = pattern.split('/');
    const values = wanted.map((part, i) => valueOf(part, given[i] ?? ''));
    if (wanted.length !== given.length || values.includes(null)) continue;
    const named = values.flatMap((value) => (value?.length ? [value] : []));
    return { module, params: /** @type {Record<string, string>} */ (Object.fromEntries(named)) };
  }
  return null;
}

/** Whether this page draws the path, be it as "nothing here". @param {string} path */
export const isOurs = (path) =>
  path === '/' || PREFIXES.some((one) => path === one || path.startsWith(`${one}/`));
