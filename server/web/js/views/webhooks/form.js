// Adds a webhook, or changes one. What was typed survives a refusal.

/** @import { MadeWebhook, Webhook } from '../../types.js' */
import { api, Problem } from '../../api.js';
import { $, $$, html } from '../../dom.js';
import { busy, showProblem } from '../../ui/busy.js';
import { dialog, open, withForm } from '../../ui/dialog.js';
import { choice, complain, field } from '../../ui/fields.js';
import { EVENTS, PLATFORM } from './words.js';

/** Chosen at first: what somebody has to act on. */
const URGENT = ['api_key.rotation_due', 'api_key.expiring', 'api_key.leaked'];
const IDS = { name: 'hook-name', url: 'hook-url', events: 'hook-events' };
const URL_HINT = 'It begins with https://. The platform gives it to you; treat it as a secret.';
const KEPT_HINT = 'Leave it empty to keep the one that it has, which is not shown: it may hold a secret.';

/** @param {string[]} chosen */
const boxes = (chosen) =>
  html`<fieldset class="field" id=${IDS.events} tabindex="-1" aria-describedby="hook-events-hint">
    <legend class="label">Events</legend>
    <p class="hint" id="hook-events-hint" data-hint="It is called when one of these happens.">
      It is called when one of these happens.
    </p>
    <div class="checks">
      ${EVENTS.map(
        ([title, rows]) =>
          html`<div class="stack-s" role="group" aria-label=${title}>
            ${rows.map(
              ([key, text]) =>
                html`<label class="check"
                  ><input type="checkbox" name="event" value=${key} ?checked=${chosen.includes(key)} /><span
                    >${text}</span
                  ></label
                >`,
            )}
          </div>`,
      )}
    </div>
  </fieldset>`;

/** @param {Webhook | null} hook */
const nameField = (hook) =>
  field(
    IDS.name,
    'Name',
    'Such as the channel that it writes to.',
    html`<input
      class="input"
      id=${IDS.name}
      dir="auto"
      autocomplete="off"
      required
      autofocus
      value=${hook?.name ?? ''}
      aria-describedby="hook-name-hint"
    />`,
  );

/** @param {Webhook | null} hook */
const urlField = (hook) =>
  field(
    IDS.url,
    hook ? 'New address' : 'Address',
    hook ? KEPT_HINT : URL_HINT,
    html`<input
      class="input"
      id=${IDS.url}
      type="url"
      autocomplete="off"
      spellcheck="false"
      ?required=${!hook}
      placeholder=${hook?.maskedUrl ?? 'https://'}
      aria-describedby="hook-url-hint"
    />`,
  );

const platformField = () =>
  field(
    'hook-platform',
    'Platform',
    'Custom gets the event as JSON, signed with a secret; the others get a message for people.',
    choice('hook-platform', Object.entries(PLATFORM)),
  );

/** @param {any} node @param {Webhook | null} hook */
function inputOf(node, hook) {
  const url = $(`#${IDS.url}`, node).value.trim();
  return {
    name: $(`#${IDS.name}`, node).value.trim(),
    ...(hook ? {} : { platform: $('#hook-platform', node).value }),
    ...(hook && !url ? {} : { url }),
    events: $$('[name=event]:checked', node).map((box) => box.value),
  };
}

/** Whether nothing is missing; says at its field what is. @param {any} node @param {ReturnType<typeof inputOf>} input */
function check(node, input) {
  for (const id of Object.values(IDS)) complain(node, id, '');
  const missing = [
    !input.events.length && [IDS.events, 'Choose one event at least.'],
    input.url === '' && [IDS.url, 'Give the address.'],
    !input.name && [IDS.name, 'Give the name.'],
  ];
  let fine = true;
  for (const one of missing) {
    if (!one) continue;
    complain(node, one[0], one[1]);
    fine = false;
  }
  return fine;
}

/** @param {unknown} problem @param {any} node @returns {boolean} whether it was about a field */
function complainAbout(problem, node) {
  if (!(problem instanceof Problem)) return false;
  const words = { name: 'The name', url: 'The address', events: 'The list of events' };
  let known = false;
  for (const { field: at, detail } of problem.errors) {
    if (at !== 'name' && at !== 'url' && at !== 'events') continue;
    complain(node, IDS[at], `${words[at]} ${detail}.`);
    known = true;
  }
  return known;
}

/**
 * @param {Webhook | null} [hook] to change; null: adds one
 * @returns {Promise<MadeWebhook | null>} null when it was cancelled
 */
export async function webhookForm(hook = null) {
  /** @type {MadeWebhook | null} */
  let made = null;
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary" type="submit">${hook ? 'Save' : 'Add'}</button>`;
  const node = dialog({
    title: hook ? 'Change the webhook' : 'Add a webhook',
    wide: true,
    closedBy: 'closerequest',
    body: html`<div class="stack">
      ${nameField(hook)}${hook ? '' : platformField()}${urlField(hook)}${boxes(hook?.events ?? URGENT)}${slot}
    </div>`,
    foot: [html`<button class="button" type="button" data-close>Cancel</button>`, submit],
  });
  const work = async (/** @type {object} */ input) => {
    try {
      made = await (hook ? api.patch(`/webhooks/${hook.id}`, input) : api.post('/webhooks', input));
      node.close('done');
    } catch (problem) {
      if (!complainAbout(problem, node)) showProblem(slot, problem, submit);
    }
  };
  withForm(node, { novalidate: true }).addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    const input = inputOf(node, hook);
    slot.replaceChildren();
    if (check(node, input)) busy(submit, () => work(input));
  });
  await open(node);
  return made;
}
