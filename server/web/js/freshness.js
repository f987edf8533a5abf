// When a live view is loaded again by itself: each minute while it is visible, when the tab is looked at
// again, and when another tab or the server says that something has changed. While the server is out of reach, more often.

import { hear } from './channel.js';
import { $ } from './dom.js';
import { safeNext, signInPath } from './address.js';
import { showReader } from './entrance.js';
import { navigate, refresh, show } from './router.js';
import * as session from './session.js';
import { isStale } from './stale.js';

const MINUTE = 60_000;
const QUARTER = 15_000;
let last = Date.now();
let outdated = false;

/**
 * Somebody may have another role now. Asked after the view, which tells when the session has ended or the server is
 * away; what is shown stays, since somebody may be typing there.
 */
async function renewSession() {
  if (!session.current() || isStale()) return;
  const changed = await session.renew();
  if (changed) showReader(changed);
}

function reload() {
  last = Date.now();
  outdated = false;
  refresh()
    .then(renewSession)
    .catch(() => {});
}

/** Behind a dialog nothing is loaded; it will be when the dialog is closed. */
const waits = () => document.hidden || Boolean($('dialog[open]'));

function tick() {
  if (waits()) return;
  if (outdated || Date.now() - last >= (isStale() ? QUARTER : MINUTE)) reload();
}

function onVisible() {
  if (!waits() && (outdated || Date.now() - last >= QUARTER)) reload();
}

/**
 * Another tab signed out: nothing of the account stays on the screen. A dialog is left until it is closed.
 */
function leave() {
  const open = $('dialog[open]');
  if (open) {
    open.addEventListener('close', leave, { once: true });
    return;
  }
  session.forget();
  navigate(signInPath(), { replace: true });
}

/** @param {number} userId */
function arrive(userId) {
  if (session.signedInElsewhere(userId)) return;
  if (location.pathname === '/sign-in') {
    navigate(safeNext(new URLSearchParams(location.search).get('next')), { replace: true });
  } else if (session.current()?.user.id !== userId) {
    session.forget();
    show();
  }
}

/** What is shown may have changed: it is loaded again now, or when it is looked at. */
export function outdate() {
  outdated = true;
  onVisible();
}

export function keepFresh() {
  setInterval(tick, 5000);
  document.addEventListener('visibilitychange', onVisible);
  hear((news) => {
    if (news.kind === 'signed-out') leave();
    else if (news.kind === 'signed-in') arrive(news.userId);
    else outdate();
  });
}
