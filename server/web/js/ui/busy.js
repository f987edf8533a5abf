// A button while its request runs, and what is said when the request failed.

import { $, html, icon } from '../dom.js';
import { Problem } from '../api.js';
import { toast } from './toast.js';

/**
 * The button says that it works, cannot be pressed twice, and keeps its width.
 * @template T
 * @param {any} button
 * @param {() => Promise<T>} work
 */
export async function busy(button, work) {
  if (button.getAttribute('aria-busy') === 'true' || button.getAttribute('aria-disabled') === 'true')
    return undefined;
  const before = $('.icon', button);
  const turning = icon('arrow-repeat');
  button.setAttribute('aria-busy', 'true');
  if (before) before.replaceWith(turning);
  else button.prepend(turning);
  try {
    return await work();
  } finally {
    button.removeAttribute('aria-busy');
    if (before) turning.replaceWith(before);
    else turning.remove();
  }
}

/**
 * Work that a second click does not begin again while it runs. When it fails, a line says why.
 * @template {unknown[]} A
 * @param {(...given: A) => Promise<unknown>} work
 */
export function once(work) {
  let running = false;
  return async (/** @type {A} */ ...given) => {
    if (running) return;
    running = true;
    try {
      await work(...given);
    } catch (problem) {
      if (!(problem instanceof Problem)) console.error(problem); // a fault of the page itself: keep the trace
      if (!(problem instanceof Problem && problem.status === 401)) toast(wordsFor(problem));
    } finally {
      running = false;
    }
  };
}

const UNAVAILABLE =
  'TestKase or its database does not answer. Nothing you typed is lost; try again in a moment.';

/** @param {unknown} problem */
export function wordsFor(problem) {
  if (!(problem instanceof Problem)) return 'This page made a mistake. Load it again.';
  if (problem.unavailable) return UNAVAILABLE;
  return problem.errors[0]?.detail ?? problem.detail ?? problem.message;
}

/** @param {any} slot @param {string} tone @param {string} symbol @param {any} words */
function say(slot, tone, symbol, words) {
  const line = html`<p>${words}</p>`;
  slot.replaceChildren(
    html`<div class="banner" data-tone=${tone} role="alert">
      ${icon(symbol)}
      <div>${line}</div>
    </div>`,
  );
}

/**
 * 429: counts down; then the button can be pressed again.
 * @param {any} slot
 * @param {number} seconds
 * @param {any} button
 */
function countDown(slot, seconds, button) {
  const left = html`<span aria-hidden="true"></span>`;
  const until = Date.now() + seconds * 1000;
  say(
    slot,
    'warn',
    'clock-history',
    html`Too many requests. What you typed stays; wait ${seconds} s.<span> </span>${left}`,
  );
  button?.setAttribute('aria-disabled', 'true');
  const timer = setInterval(() => {
    const rest = Math.ceil((until - Date.now()) / 1000);
    left.textContent = `${Math.max(rest, 0)} s left.`;
    if (rest > 0 && slot.isConnected) return;
    clearInterval(timer);
    button?.removeAttribute('aria-disabled');
    slot.replaceChildren();
  }, 250);
}

/**
 * A write failed: says it where the reader looks, and keeps everything that was typed.
 * @param {any} slot
 * @param {unknown} problem
 * @param {any} [button] that must wait after 429
 */
export function showProblem(slot, problem, button) {
  if (problem instanceof Problem && problem.status === 401 && problem.code !== 'invalid_credentials') return;
  if (problem instanceof Problem && problem.code === 'recent_sign_in_required') {
    say(slot, 'warn', 'lock', 'Nothing was made: this needs your password again.');
  } else if (problem instanceof Problem && problem.status === 429)
    countDown(slot, problem.retryAfter || 30, button);
  else {
    const calm = problem instanceof Problem && problem.unavailable;
    say(slot, calm ? 'warn' : 'danger', calm ? 'database-x' : 'exclamation-octagon', wordsFor(problem));
  }
  slot.scrollIntoView({ block: 'nearest' });
}
