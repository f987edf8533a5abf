// Which view is shown: loading, skeleton, errors, title; where focus and scrolling go.

/** @import { Context, View } from './types.js' */
import { HOME, followed, here, signInPath } from './address.js';
import { Problem } from './api.js';
import { hasNewBuild } from './build.js';
import { $, $$ } from './dom.js';
import { enter } from './entrance.js';
import { entry, goTo, patchEntry } from './history.js';
import * as session from './session.js';
import { bare, markCurrent } from './shell.js';
import { noteFailure, noteSuccess } from './stale.js';
import { errorView } from './ui/error-view.js';
import { rememberFocus } from './ui/focus.js';
import { framed, skeleton } from './ui/parts.js';

const PATIENCE = 120; // ms until a skeleton stands for a view: nothing flashes

const main = $('#main');
/** @type {typeof import('./routes.js')} */
let routes;
let turn = 0;
let visited = false;
/** The address whose view is shown, and that view. */
let shown = { path: '', live: false, data: '' };
/** @type {Set<ReturnType<typeof setInterval>>} */
const timers = new Set();

/** @param {() => Promise<unknown>} work @param {number} seconds */
function every(seconds, work) {
  const tick = () => {
    if (!document.hidden && !$('dialog[open]')) work().catch(() => {});
  };
  timers.add(setInterval(tick, seconds * 1000));
}

function stopTimers() {
  for (const timer of timers) clearInterval(timer);
  timers.clear();
}

/** @param {Record<string, string>} params @returns {Context} */
function contextFor(params) {
  const path = here();
  return {
    params,
    query: new URLSearchParams(location.search),
    session: /** @type {any} */ (session.current()),
    kept: entry().kept ?? {},
    keep: (patch) => patchEntry({ kept: { ...entry().kept, ...patch } }),
    setQuery(query, { entry: another } = {}) {
      const text = query.toString();
      const next = location.pathname + (text && `?${text}`);
      if (another) goTo(next, false);
      else history.replaceState(entry(), '', next);
      shown.path = here();
    },
    reload: async () => (location.pathname === path.split('?')[0] ? show({ quiet: true }) : undefined),
    every,
  };
}

/** @param {View} view @param {Context} context @param {number} mine @param {boolean} quiet */
async function draw(view, context, mine, quiet) {
  const data = view.load ? await view.load(context) : null;
  if (mine !== turn) return;
  const text = JSON.stringify(data);
  if (quiet && text === shown.data) return;
  const isDone = quiet && shown.data && view.update?.(data, context);
  shown.data = text;
  if (isDone) return;
  stopTimers();
  const restore = quiet ? rememberFocus(main) : null;
  main.replaceChildren(view.render(data, context));
  if (view.named) document.title = `${$('h1', main).textContent} · TestKase`;
  restore?.();
}

/** @param {View} view @param {unknown} problem @param {boolean} quiet */
function fail(view, problem, quiet) {
  if (!(problem instanceof Problem)) console.error(problem); // a fault of the page itself: keep the trace
  if (problem instanceof Problem && problem.status === 401) {
    if (!session.current()) navigate(signInPath(), { replace: true });
    return;
  }
  if (quiet && problem instanceof Problem && (problem.unavailable || problem.status === 429)) {
    noteFailure();
    return;
  }
  shown.data = '';
  main.replaceChildren(
    framed(
      view.title,
      errorView(problem, () => show()),
    ),
  );
}

/** @param {View} view @param {Record<string, string>} params @param {number} mine @param {boolean} quiet */
async function present(view, params, mine, quiet) {
  const showSkeleton = () => mine === turn && main.replaceChildren(skeleton(view));
  let waiting;
  try {
    if (!view.bare) await enter();
    if (mine !== turn) return;
    if (view.bare) main.replaceChildren('');
    else if (!quiet) waiting = setTimeout(showSkeleton, PATIENCE);
    main.setAttribute('aria-busy', 'true');
    await draw(view, contextFor(params), mine, quiet);
    if (mine === turn) noteSuccess();
  } catch (problem) {
    if (mine === turn) fail(view, problem, quiet);
  } finally {
    clearTimeout(waiting);
    if (mine === turn) main.removeAttribute('aria-busy');
  }
}

/** @type {View} */
const NOWHERE = {
  title: 'Not found',
  render: () => framed('Not found', errorView(new Problem({ status: 404, title: 'Not found' }))),
};

/**
 * Shows the view of the address. `quiet`: the same view again, without skeleton, focus and scrolling kept.
 * @param {{ quiet?: boolean }} [how]
 */
export async function show({ quiet = false } = {}) {
  const mine = ++turn;
  if (location.pathname === '/') goTo(HOME, true);
  const y = entry().y ?? 0;
  const found = routes.match(location.pathname);
  const view = found?.view ?? NOWHERE;
  if (!quiet) stopTimers();
  shown = { path: here(), live: Boolean(view.live), data: quiet ? shown.data : '' };
  bare(Boolean(view.bare));
  markCurrent();
  if (!quiet) document.title = `${view.title} · TestKase`;
  await present(view, found?.params ?? {}, mine, quiet);
  if (!quiet && mine === turn) settle(y);
}

/** @param {number} y */
function settle(y) {
  scrollTo(0, y);
  if (visited && !main.contains(document.activeElement)) $('h1', main)?.focus({ preventScroll: true });
  visited = true;
}

/** Loads a live view again, unless a dialog is open. */
export const refresh = () => (shown.live && !$('dialog[open]') ? show({ quiet: true }) : Promise.resolve());

/** @param {string} path @param {{ replace?: boolean }} [how] */
export async function navigate(path, { replace = false } = {}) {
  if (hasNewBuild() || !routes.isOurs(path.split('?')[0])) {
    if (replace) location.replace(path);
    else location.assign(path);
    return;
  }
  goTo(path, replace);
  await show();
}

function closeDialogs() {
  for (const dialog of $$('dialog[open]:not([data-guarded])')) dialog.close();
}

/** Back and Forward. A guarded dialog answers for itself; its own entry has the address that is shown. */
function onPopState() {
  if ($('dialog[data-guarded]') || here() === shown.path) return;
  closeDialogs();
  show();
}

/** @param {MouseEvent} event */
function onClick(event) {
  const link = followed(event);
  if (!link || !routes.isOurs(link.pathname)) return;
  event.preventDefault();
  closeDialogs();
  navigate(link.pathname + link.search);
}

/** @param {typeof routes} given what there is; not imported here, since views navigate */
export function startRouter(given) {
  routes = given;
  addEventListener('popstate', onPopState);
  document.addEventListener('click', onClick);
  if (entry().guarded) patchEntry({ guarded: false });
  return show();
}
