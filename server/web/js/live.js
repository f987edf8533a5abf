// What changes while the page is looked at: one stream of events for the tab that is visible. A browser opens
// only few connections to a host, so hidden tabs have none; they load anew when they are looked at again.

import { api } from './api.js';
import { lookForNewBuild } from './build.js';
import { current, follow } from './session.js';
import { showReminders } from './shell.js';

const TOPICS = [
  'api_key.created',
  'api_key.rotated',
  'api_key.revoked',
  'api_key.leaked',
  'api_key.expired',
  'api_key.rotation_due',
  'api_key.expiring',
  'reset',
];
const GATHER = 100; // ms: events that come together are one piece of news
const AGAIN = 60_000; // ms after the server refused a stream

/** @type {EventSource | null} */
let source = null;
let wasOpen = false;
let gathering = 0;
let again = 0;
/** @type {() => void} */
let onNews = () => {};

export async function countReminders() {
  const { data, nextCursor } = await api.get('/reminders?state=due&limit=99');
  showReminders(nextCursor ? '99+' : String(data.length));
}

function gather() {
  clearTimeout(gathering);
  gathering = setTimeout(() => {
    if (!current()) return;
    countReminders().catch(() => {});
    onNews();
  }, GATHER);
}

/** A stream ends with its server. What is there afterwards may be a newer one. */
function onOpenAgain() {
  if (wasOpen) lookForNewBuild().catch(() => {});
}

/** The first stream begins right after the view was loaded; later ones begin after a gap. */
function onOpen() {
  if (wasOpen) gather();
  else countReminders().catch(() => {});
  wasOpen = true;
}

/**
 * EventSource connects again by itself, and gets what it missed, unless the server has refused: then the session
 * has ended, which the next call will tell, or there are too many streams.
 */
function onError() {
  if (source?.readyState !== EventSource.CLOSED) return;
  close();
  again = setTimeout(update, AGAIN);
  onNews();
}

function open() {
  source = new EventSource('/api/v1/events');
  source.addEventListener('error', onError);
  source.addEventListener('open', onOpenAgain);
  source.addEventListener('open', onOpen, { once: true });
  for (const topic of TOPICS) source.addEventListener(topic, gather);
}

function close() {
  clearTimeout(again);
  source?.close();
  source = null;
}

function update() {
  if (!current() || document.hidden) close();
  else if (!source) {
    clearTimeout(again);
    open();
  }
}

/** `listener` is called when something may have changed. @param {() => void} listener */
export function keepLive(listener) {
  onNews = listener;
  follow(() => {
    if (!current()) wasOpen = false;
    update();
  });
  document.addEventListener('visibilitychange', update);
  addEventListener('pagehide', close);
  addEventListener('pageshow', update);
}
