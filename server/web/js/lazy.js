// Modules that load when they are first needed. After an update of the server the old addresses are gone: the
// page then loads anew, once.

import { Problem } from './api.js';

const MARK = 'reloaded-at';

function reloadedLately() {
  try {
    const lately = Date.now() - Number(sessionStorage.getItem(MARK)) < 60_000;
    sessionStorage.setItem(MARK, String(Date.now()));
    return lately;
  } catch {
    return true; // without storage nothing would keep it from reloading for ever
  }
}

const reachable = () =>
  fetch('/healthz', { cache: 'no-store' }).then(
    () => true,
    () => false,
  );

/**
 * @template T
 * @param {() => Promise<T>} load such as `() => import('./views/account.js')`
 * @returns {Promise<T>}
 */
export async function lazy(load) {
  try {
    return await load();
  } catch (cause) {
    if (cause instanceof SyntaxError) throw cause;
    if (!(await reachable())) throw new Problem({ status: 0, title: 'TestKase cannot be reached' });
    if (reloadedLately()) throw cause;
    location.reload();
    return new Promise(() => {});
  }
}
