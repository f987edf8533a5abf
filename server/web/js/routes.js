// Every view and its path. A path that is not here belongs to the server (/docs, for example).

/** @import { View } from './types.js' */
import { HOME } from './address.js';

/** @type {[string, () => Promise<{ default: View }>][]} */
const VIEWS = [
  ['/sign-in', () => import('./views/sign-in.js')],
  [HOME, () => import('./views/api-keys.js')],
  [`${HOME}/:id`, () => import('./views/token-detail.js')],
  [`${HOME}/:id/rotate`, () => import('./views/rotate.js')],
  ['/account', () => import('./views/account.js')],
];
const PREFIXES = ['/settings', '/account', '/sign-in'];

/** @param {string} wanted @param {string} given */
function partMatches(wanted, given) {
  return wanted.startsWith(':') ? /^[1-9]\d{0,18}$/.test(given) : wanted === given;
}

/** @param {string} path */
export function match(path) {
  const given = path.split('/');
  for (const [pattern, module] of VIEWS) {
    const wanted = pattern.split('/');
    if (wanted.length !== given.length || !wanted.every((part, i) => partMatches(part, given[i]))) continue;
    const named = wanted.flatMap((part, i) => (part.startsWith(':') ? [[part.slice(1), given[i]]] : []));
    return { module, params: /** @type {Record<string, string>} */ (Object.fromEntries(named)) };
  }
  return null;
}

/** Whether this page draws the path, be it as "nothing here". @param {string} path */
export const isOurs = (path) =>
  path === '/' || PREFIXES.some((one) => path === one || path.startsWith(`${one}/`));
