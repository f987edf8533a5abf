// What becomes of a delivery that was asked for here: a test, or one that is sent again.

/** @import { Delivery, Webhook } from '../../types.js' */
import { api } from '../../api.js';
import { html } from '../../dom.js';
import { banner } from '../../ui/parts.js';
import { when } from '../../ui/time.js';

const PAUSE = 700; // ms
const TRIES = 30;
const FRESH = 120_000; // ms for which an outcome is shown again when its view is drawn anew

/** @type {Map<number, { delivery: Delivery, at: number }>} the last outcome of each webhook */
const outcomes = new Map();

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE));

/**
 * Waits for the next attempt, up to some 20 seconds, while the view is shown.
 * @param {Webhook} hook
 * @param {Delivery} asked
 * @returns {Promise<Delivery>} as it was last seen
 */
export async function outcomeOf(hook, asked) {
  const here = location.pathname;
  let seen = asked;
  const isOpen = () =>
    seen.state === 'queued' && seen.attempts <= asked.attempts && location.pathname === here;
  for (let i = 0; i < TRIES && isOpen(); i++) {
    await pause();
    const { data } = await api.get(`/webhooks/${hook.id}/deliveries?limit=200`);
    seen = data.find((/** @type {Delivery} */ one) => one.id === asked.id) ?? seen;
  }
  outcomes.set(hook.id, { delivery: seen, at: Date.now() });
  return seen;
}

/** @param {Webhook} hook @returns {Promise<Delivery>} */
export const sendTest = async (hook) => outcomeOf(hook, await api.post(`/webhooks/${hook.id}/test`));

/** @param {Delivery} delivery */
export function outcomeWords({ event, state, attempts, status, error }) {
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

/** The banner of an outcome that has just come; else nothing. @param {Webhook} hook */
export function freshOutcome({ id }) {
  const last = outcomes.get(id);
  return last && Date.now() - last.at < FRESH ? outcomeBanner(last.delivery) : '';
}
