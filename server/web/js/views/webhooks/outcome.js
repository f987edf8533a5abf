// What becomes of a delivery that was asked for here: a test, or one that is sent again.

/** @import { Delivery, Webhook } from '../../types.js' */
import { api } from '../../api.js';
import { announce, html } from '../../dom.js';
import { banner } from '../../ui/parts.js';
import { when } from '../../ui/time.js';

const PAUSE = 700; // ms
const TRIES = 30;
const FRESH = 120_000; // ms for which an outcome is shown again when its view is drawn anew

/** @type {Map<number, { delivery: Delivery, at: number }>} the last outcome of each webhook */
const outcomes = new Map();

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE));

/**
 * Waits for the next attempt, up to some 20 seconds, and says what came of it, if the view is still shown.
 * @param {Webhook} hook
 * @param {Delivery} asked
 */
export async function follow(hook, asked) {
  const here = location.pathname;
  let seen = asked;
  const waits = () => seen.state === 'queued' && seen.attempts <= asked.attempts;
  for (let i = 0; i < TRIES && waits() && location.pathname === here; i++) {
    await pause();
    const { data } = await api.get(`/webhooks/${hook.id}/deliveries?limit=200`);
    seen = data.find((/** @type {Delivery} */ one) => one.id === asked.id) ?? seen;
  }
  if (location.pathname !== here) return;
  outcomes.set(hook.id, { delivery: seen, at: Date.now() });
  announce(outcomeWords(seen));
}

/** @param {Webhook} hook */
export const sendTest = async (hook) => follow(hook, await api.post(`/webhooks/${hook.id}/test`));

/** @param {Delivery} delivery */
function outcomeWords({ event, state, attempts, status, error }) {
  const subject = event === 'webhook.test' ? 'The test' : 'The delivery';
  if (state === 'sent') return `${subject} arrived: the address answered ${status}.`;
  if (state === 'parked') return `${subject} failed, and is not tried again: ${error}.`;
  return attempts
    ? `${subject} failed: ${error}.`
    : `${subject} is still on its way; its row in the list of deliveries tells what comes of it.`;
}

/** @param {Delivery} delivery */
function outcomeBanner(delivery) {
  const { state, attempts, nextAttemptAt } = delivery;
  const again = state === 'queued' && attempts && nextAttemptAt;
  const tone = state === 'sent' ? 'ok' : state === 'parked' ? 'danger' : attempts ? 'warn' : 'plain';
  return banner({
    tone,
    symbol: {
      ok: 'check-circle',
      danger: 'exclamation-octagon',
      warn: 'exclamation-triangle',
      plain: 'clock-history',
    }[tone],
    body: html`<p>
      ${outcomeWords(delivery)}${again
        ? html`<span> The next attempt comes ${when(nextAttemptAt)}.</span>`
        : ''}
    </p>`,
  });
}

/**
 * The banner of an outcome that has just come; else nothing.
 * @param {Webhook} hook
 * @param {Delivery[]} [deliveries] as they are now: a retry may have changed what came of it
 */
export function freshOutcome({ id }, deliveries = []) {
  const last = outcomes.get(id);
  if (!last || Date.now() - last.at >= FRESH) return '';
  return outcomeBanner(deliveries.find((one) => one.id === last.delivery.id) ?? last.delivery);
}
