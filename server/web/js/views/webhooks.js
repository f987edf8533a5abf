// The webhooks of the organization, for its admins: where events go, and whether they arrive.

/** @import { Context, Page, View, Webhook } from '../types.js' */
import { api } from '../api.js';
import { html, icon, name } from '../dom.js';
import { plural } from '../format.js';
import { navigate } from '../router.js';
import { busy, once, showProblem } from '../ui/busy.js';
import { blank, head } from '../ui/parts.js';
import { webhookForm } from './webhooks/form.js';
import { freshOutcome, sendTest } from './webhooks/outcome.js';
import { showSecret } from './webhooks/secret.js';
import { eventWords, hookPath, hookState, PLATFORM, WHY } from './webhooks/words.js';

/** @param {Webhook} hook */
const eventsLine = ({ events }) =>
  events.length > 3
    ? `${events.slice(0, 2).map(eventWords).join(' · ')} · ${plural(events.length - 2, 'more event')}`
    : events.map(eventWords).join(' · ');

/** @param {Webhook} hook @param {any} slot @param {Context} context */
function tester(hook, slot, context) {
  if (hook.status === 'disabled') return '';
  const button = html`<button
    type="button"
    class="button button-small"
    aria-label=${`Send a test to ${hook.name}`}
  >
    Send a test
  </button>`;
  button.addEventListener('click', () =>
    busy(button, async () => {
      slot.replaceChildren();
      try {
        await sendTest(hook);
        slot.replaceChildren(freshOutcome(hook));
        await context.reload();
      } catch (problem) {
        showProblem(slot, problem, button);
      }
    }),
  );
  return button;
}

/** @param {Webhook} hook @param {Context} context */
function row(hook, context) {
  const slot = html`<div class="outcome-slot">${freshOutcome(hook)}</div>`;
  return html`<li>
    <div class="grow">
      <a href=${hookPath(hook)}>${name(hook.name)}</a>
      <span class="sub">${PLATFORM[hook.platform]} · <span class="break">${hook.maskedUrl}</span></span>
      <span class="sub">${hook.disabledReason ? WHY[hook.disabledReason] : eventsLine(hook)}</span>
    </div>
    ${hookState(hook)}${tester(hook, slot, context)}${slot}
  </li>`;
}

const nothing = () =>
  blank({
    symbol: 'broadcast',
    title: 'No webhook yet',
    body:
      'A webhook tells a channel or a program of yours what happens here, as it happens: a token is due for ' +
      'rotation, has leaked, a pipeline reports results. Send it where the people are who look after the pipelines.',
  });

/** @type {View<Page<Webhook>>} */
export default {
  title: 'Webhooks',
  rows: 3,
  live: true,

  load: () => api.get('/webhooks?limit=200'),

  render({ data }, context) {
    const add = once(async () => {
      const made = await webhookForm();
      if (!made) return;
      const { secret } = made;
      made.secret = null;
      if (secret) await showSecret(made.name, { secret, until: null });
      await navigate(hookPath(made));
    });
    return html`<div class="page">
      ${head({
        title: 'Webhooks',
        lead: 'Addresses that are called when something happens to tokens, accounts or tests.',
        actions: html`<button type="button" class="button button-primary" @click=${add}>
          ${icon('plus-lg')}Add a webhook
        </button>`,
      })}
      <section class="card" aria-label="Webhooks of the organization">
        ${data.length
          ? html`<ul class="rows">
              ${data.map((hook) => row(hook, context))}
            </ul>`
          : nothing()}
      </section>
    </div>`;
  },
};
