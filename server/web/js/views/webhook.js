// One webhook, for admins: what it is told, whether it arrives, its secret, its end.

/** @import { Context, Delivery, Page, View, Webhook } from '../types.js' */
import { api } from '../api.js';
import { html, icon, name } from '../dom.js';
import { busy, once, showProblem } from '../ui/busy.js';
import { firstRows } from '../ui/paged-table.js';
import { banner, crumbs, head } from '../ui/parts.js';
import { onDay, when } from '../ui/time.js';
import { toast } from '../ui/toast.js';
import { deliveriesPath, deliveryList } from './webhooks/deliveries.js';
import { ending } from './webhooks/ending.js';
import { webhookForm } from './webhooks/form.js';
import { freshOutcome, sendTest } from './webhooks/outcome.js';
import { rotateSecret } from './webhooks/secret.js';
import { eventWords, hookState, PLATFORM, WEBHOOKS, WHY } from './webhooks/words.js';

/** @typedef {{ hook: Webhook, deliveries: Page<Delivery> }} Data */

/** What is to be done about a webhook that was disabled. */
const REMEDY = {
  admin: 'Nothing is sent to it until it is enabled.',
  gone: 'Give it another address, then enable it.',
  failing: 'Mend the receiver, then enable it and redeliver what is parked.',
};

/** @param {Webhook} hook */
function note({ disabledReason, failingSince }) {
  if (disabledReason) {
    const calm = disabledReason === 'admin';
    return banner({
      tone: calm ? 'plain' : 'danger',
      symbol: calm ? 'info-circle' : 'exclamation-octagon',
      body: html`<p><strong>Disabled. ${WHY[disabledReason]}</strong> ${REMEDY[disabledReason]}</p>`,
    });
  }
  if (!failingSince) return '';
  return banner({
    tone: 'warn',
    symbol: 'exclamation-triangle',
    body: html`<p>
      <strong>Nothing has arrived since ${onDay(failingSince)}.</strong> After a week in which every delivery
      fails it is disabled. Mend the receiver, then redeliver what is parked.
    </p>`,
  });
}

/** @param {Webhook} hook @param {any} slot @param {Context} context */
function actions(hook, slot, { reload }) {
  const test = html`<button type="button" class="button button-primary">Send a test</button>`;
  test.addEventListener('click', () =>
    busy(test, async () => {
      slot.replaceChildren();
      try {
        await sendTest(hook);
        slot.replaceChildren(freshOutcome(hook));
        await reload();
      } catch (problem) {
        showProblem(slot, problem, test);
      }
    }),
  );
  const change = once(async () => {
    if (!(await webhookForm(hook))) return;
    toast('The webhook is changed.');
    await reload();
  });
  return html`${hook.status === 'enabled' ? test : ''}
    <button type="button" class="button" @click=${change}>Change</button>`;
}

/** @param {Webhook} hook */
const about = (hook) =>
  html`<section class="card" aria-label="About">
    <div class="card-body">
      <dl class="facts">
        <div>
          <dt>Platform</dt>
          <dd>${PLATFORM[hook.platform]}</dd>
        </div>
        <div>
          <dt>Address</dt>
          <dd class="break">${hook.maskedUrl}</dd>
        </div>
        <div>
          <dt>Added</dt>
          <dd>${onDay(hook.createdAt)}</dd>
        </div>
        <div>
          <dt>Events</dt>
          <dd>
            <ul>
              ${hook.events.map((event) => html`<li>${eventWords(event)}</li>`)}
            </ul>
          </dd>
        </div>
      </dl>
    </div>
  </section>`;

/** @param {Webhook} hook @param {Context} context */
function secret(hook, { reload }) {
  if (!hook.secretChangedAt) return '';
  const rotate = once(async () => {
    if (await rotateSecret(hook)) await reload();
  });
  const until = hook.previousSecretUntil;
  return html`<section class="card" aria-labelledby="secret-title">
    <div class="setting">
      <div>
        <h2 id="secret-title">Secret</h2>
        <span class="hint"
          >Signs each delivery, since
          ${onDay(hook.secretChangedAt)}.${until
            ? html`<span> The secret before it also signs; that ends ${when(until)}.</span>`
            : ''}</span
        >
      </div>
      <button type="button" class="button" @click=${rotate}>${icon('arrow-repeat')}Rotate the secret</button>
    </div>
  </section>`;
}

/** @type {View<Data>} */
export default {
  title: 'Webhook',
  named: true,
  live: true,

  async load(context) {
    const [hook, deliveries] = await Promise.all([
      api.get(`/webhooks/${context.params.id}`),
      firstRows(deliveriesPath(context), context.kept.shown),
    ]);
    return { hook, deliveries };
  },

  render({ hook, deliveries }, context) {
    const slot = html`<div class="outcome-slot">${freshOutcome(hook, deliveries.data)}</div>`;
    return html`<div class="page">
      ${head({
        above: crumbs(['Webhooks', WEBHOOKS], [PLATFORM[hook.platform]]),
        title: name(hook.name),
        badge: hookState(hook),
        actions: actions(hook, slot, context),
      })}
      ${note(hook)}${slot}${about(hook)}${deliveryList(hook, deliveries, context)}${secret(
        hook,
        context,
      )}${ending(hook, context)}
    </div>`;
  },
};
