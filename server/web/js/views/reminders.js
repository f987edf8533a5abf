// Settings → Reminders: what is due, why, and until when it is quiet.

/** @import { Context, Everything, Reminder, View } from '../types.js' */
import { HOME, rotatePath, tokenPath } from '../address.js';
import { api } from '../api.js';
import { html, icon, name } from '../dom.js';
import { plural } from '../format.js';
import { countReminders } from '../live.js';
import { busy, wordsFor } from '../ui/busy.js';
import { blank, head } from '../ui/parts.js';
import { onDay, when } from '../ui/time.js';
import { toast } from '../ui/toast.js';

const LEAD =
  'A token is due on its day of rotation, a week before it expires and a day before. Once its successor is in use, nothing is due.';
/** Why something is due, by the stage that was reached. */
const BECAUSE = {
  rotation: 'Its day of rotation has come',
  week: 'A week or less is left',
  day: 'A day or less is left',
};

/** @param {Reminder} reminder */
const quietUntil = ({ nextAt }) => (nextAt ? html`until ${onDay(nextAt)}` : html`until it expires`);

/** @param {Reminder} reminder @param {Context} context */
function acknowledge(reminder, context) {
  const button = html`<button
    type="button"
    class="button button-small"
    aria-label=${`Acknowledge ${reminder.apiKeyName}`}
  >
    ${icon('check-lg')}Acknowledge
  </button>`;
  button.addEventListener('click', () =>
    busy(button, async () => {
      try {
        await api.post(`/reminders/${reminder.id}/acknowledge`);
        toast(`${reminder.apiKeyName} is quiet until its next stage.`);
      } catch (problem) {
        const isOver = /** @type {any} */ (problem).status === 404;
        toast(isOver ? 'It is not due any more.' : wordsFor(problem));
      }
      countReminders().catch(() => {});
      await context.reload();
    }),
  );
  return button;
}

/** Only the owner of a token can rotate it here. @param {Reminder} reminder */
function rotate(reminder) {
  const words = reminder.successorId ? 'Go on with the rotation' : 'Rotate';
  return html`<a
    class="button button-small button-primary"
    href=${rotatePath(reminder.apiKeyId)}
    aria-label=${`${words}: ${reminder.apiKeyName}`}
    >${words}</a
  >`;
}

/** @param {Reminder} reminder @param {Context} context */
function row(reminder, context) {
  const isOwn = reminder.ownerId === context.session.user.id;
  const isDue = reminder.state === 'due';
  const title = isOwn
    ? html`<a href=${tokenPath(reminder.apiKeyId)}>${name(reminder.apiKeyName)}</a>`
    : html`<b>${name(reminder.apiKeyName)}</b>`;
  const owner = isOwn ? '' : html`<span> · of ${name(reminder.ownerName)}</span>`;
  return html`<li>
    <div class="grow">
      ${title}
      <span class="sub"><span class="preview">${reminder.tokenPreview}</span>${owner}</span>
      <span class="sub">
        ${BECAUSE[reminder.stage]}; it expires ${when(reminder.expiresAt)}, on ${onDay(reminder.expiresAt)}.
      </span>
      <span class="sub">
        ${isDue
          ? html`<span
              >Due since ${onDay(reminder.dueAt)}. Acknowledged, it is quiet ${quietUntil(reminder)}.</span
            >`
          : html`<span>Acknowledged: quiet ${quietUntil(reminder)}.</span>`}
      </span>
    </div>
    <span class="badge" data-tone=${isDue ? 'warn' : 'plain'}>${isDue ? 'Due' : 'Acknowledged'}</span>
    <div class="button-row">
      ${isOwn ? rotate(reminder) : ''}${isDue ? acknowledge(reminder, context) : ''}
    </div>
  </li>`;
}

/** @param {string} id @param {string} title @param {Reminder[]} reminders @param {Context} context */
const list = (id, title, reminders, context) =>
  reminders.length
    ? html`<section class="card" aria-labelledby=${id}>
        <div class="card-head">
          <h2 id=${id}>${title}</h2>
          <span class="muted small">${plural(reminders.length, 'token')}</span>
        </div>
        <ul class="rows">
          ${reminders.map((reminder) => row(reminder, context))}
        </ul>
      </section>`
    : '';

const nothing = () =>
  html`<section class="card" aria-label="Nothing is due">
    ${blank({
      symbol: 'check-circle',
      title: 'Nothing is due',
      body: 'When the day of rotation of one of your tokens comes, it stands here, and you get a mail.',
      actions: html`<a class="button" href=${HOME}>API Keys</a>`,
    })}
  </section>`;

/** @type {View<Everything<Reminder>>} */
export default {
  title: 'Reminders',
  rows: 4,
  live: true,

  load: () => api.all('/reminders?state=all'),

  render({ data }, context) {
    const due = data.filter(({ state }) => state === 'due');
    const quiet = data.filter(({ state }) => state !== 'due');
    return html`<div class="page">
      ${head({ title: 'Reminders', lead: LEAD })}
      ${data.length ? '' : nothing()}${list('due-title', 'Due', due, context)}${list(
        'quiet-title',
        'Acknowledged',
        quiet,
        context,
      )}
    </div>`;
  },
};
