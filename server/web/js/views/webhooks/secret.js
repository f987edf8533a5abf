// The secret of a custom webhook: shown once, after the creation and after each rotation.

/** @import { Webhook, WebhookSecret } from '../../types.js' */
import { api } from '../../api.js';
import { guard } from '../../dialogs/guard.js';
import { $, html, icon } from '../../dom.js';
import { fmt } from '../../format.js';
import { busy, showProblem } from '../../ui/busy.js';
import { copyButton } from '../../ui/copy.js';
import { confirm, dialog, open, withForm } from '../../ui/dialog.js';
import { choice, field } from '../../ui/fields.js';

const ASK = {
  title: 'Close without copying?',
  body: 'It cannot be shown again. Without a copy the receiver cannot check signatures; you would rotate it.',
  no: 'Go back and copy',
  yes: 'Close anyway',
  danger: true,
};
const OVERLAPS = [
  ['24', '24 hours'],
  ['1', '1 hour'],
  ['168', '7 days'],
  ['0', 'None: the old secret ends now'],
];

/** @param {string} name @param {{ secret: string, until: string | null }} secret which is shown until the dialog is closed */
export async function showSecret(name, { secret, until }) {
  let text = secret;
  const output = html`<output aria-label="The secret">${text}</output>`;
  const done = html`<button type="button" class="button">Done</button>`;
  const copied = () => {
    guarding.release();
    done.classList.add('button-primary');
    copy.classList.remove('button-primary');
  };
  const copy = copyButton({
    text: () => text,
    label: 'Copy secret',
    className: 'button button-primary',
    keep: true,
    oncopy: copied,
    onfail: () => getSelection()?.selectAllChildren(output),
  });
  const node = dialog({
    title: 'Copy the secret',
    wide: true,
    closedBy: 'none',
    closable: false,
    lead: html`<bdi dir="auto">${name}</bdi>`,
    body: html`<div class="stack">
      <div class="stub">
        ${output}
        <div>${copy}</div>
      </div>
      <p class="warning">
        ${icon('exclamation-triangle')}<span
          ><strong>This is the only time it is shown.</strong> The receiver checks with it that a call comes
          from TestKase, as Standard Webhooks says. If you lose it, rotate it.</span
        >
      </p>
      ${until
        ? html`<p class="quiet">
            Until ${fmt.day(until)}, ${fmt.clock(until)}, each delivery is also signed with the old secret.
          </p>`
        : ''}
    </div>`,
    foot: done,
  });
  const guarding = guard(node, () => confirm(ASK));
  // Copying by hand counts too, when it was the whole secret.
  output.addEventListener('copy', () => {
    if (getSelection()?.toString().replace(/\s/g, '') === text) copied();
  });
  done.addEventListener('click', guarding.leave);
  const closed = open(node);
  $('h2', node).focus();
  await closed;
  text = '';
  output.replaceChildren();
  await guarding.end();
}

/** @param {Webhook} hook @returns {Promise<boolean>} whether it was rotated */
export async function rotateSecret(hook) {
  /** @type {WebhookSecret | null} */
  let made = null;
  const slot = html`<div></div>`;
  const submit = html`<button class="button button-primary" type="submit">Rotate</button>`;
  const node = dialog({
    title: 'Rotate the secret?',
    closedBy: 'closerequest',
    body: html`<div class="stack">
      <p class="quiet">
        You get a new secret. During the overlap each delivery has two signatures, one with each secret: put
        the new one into the receiver in that time, and it misses nothing.
      </p>
      ${field(
        'hook-overlap',
        'Overlap',
        'When the old secret has leaked, choose none: the receiver refuses calls until it has the new one.',
        choice('hook-overlap', OVERLAPS),
      )}
      ${slot}
    </div>`,
    foot: [html`<button class="button" type="button" data-close>Cancel</button>`, submit],
  });
  const work = async () => {
    try {
      const overlapHours = Number($('#hook-overlap', node).value);
      made = await api.post(`/webhooks/${hook.id}/rotate-secret`, { overlapHours });
      node.close('done');
    } catch (problem) {
      showProblem(slot, problem, submit);
    }
  };
  withForm(node).addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    busy(submit, work);
  });
  await open(node);
  const answer = /** @type {WebhookSecret | null} */ (made);
  if (answer) await showSecret(hook.name, { secret: answer.secret, until: answer.previousSecretUntil });
  return Boolean(answer);
}
