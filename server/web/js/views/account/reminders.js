// How the reader is reminded of tokens that are due: by mail, and in the reader's own calendar.

/** @import { CalendarFeed, Context, MailWishes } from '../../types.js' */
import { api } from '../../api.js';
import { html, icon } from '../../dom.js';
import { busy, wordsFor } from '../../ui/busy.js';
import { copyButton } from '../../ui/copy.js';
import { confirm } from '../../ui/dialog.js';
import { onDay } from '../../ui/time.js';
import { toast } from '../../ui/toast.js';

const ANOTHER = {
  title: 'Make another address?',
  body: 'The address that you have now leads nowhere from then on. Calendars that read it need the new one.',
  yes: 'Make another address',
};
const REMOVE = {
  title: 'Remove the address?',
  body: 'Calendars that read it get nothing any more.',
  yes: 'Remove the address',
};

const REMINDERS = {
  name: 'reminders',
  label: 'Mail me what is due',
  hint: 'Once a day at most. Mails about the security of your account come in any case.',
  on: 'You get mails about what is due.',
  off: 'You get no mails about what is due.',
};
const DIGEST = {
  name: 'weeklyDigest',
  label: 'Mail me the weekly digest',
  hint: 'Each Monday: which tokens of your organization are due, expire, have expired or were never used.',
  on: 'You get the digest, from next Monday on.',
  off: 'You get no digest any more.',
};

/** One wish, kept when it is changed. @param {MailWishes} wishes @param {typeof REMINDERS} wish */
function wishBox(wishes, { name, label, hint, on, off }) {
  const key = /** @type {keyof MailWishes} */ (name);
  const box = html`<input id=${`mail-${name}`} type="checkbox" aria-describedby=${`mail-${name}-hint`} />`;
  box.checked = wishes[key];
  box.addEventListener('change', async () => {
    box.disabled = true;
    try {
      const now = await api.patch('/account/mail', { [name]: box.checked });
      box.checked = now[key];
      toast(now[key] ? on : off);
    } catch (problem) {
      box.checked = !box.checked;
      toast(wordsFor(problem));
    }
    box.disabled = false;
    box.focus();
  });
  return html`<div class="card-body">
    <div class="check">
      ${box}
      <label for=${`mail-${name}`}>${label}</label>
      <p class="hint" id=${`mail-${name}-hint`}>${hint}</p>
    </div>
  </div>`;
}

/** Shown once, after it was made. @param {string} address */
const shown = (address) =>
  html`<div class="card-body stack" role="status">
    <p>
      <b>Copy the address now.</b> It is not shown again. Whoever has it can read when your tokens are due.
    </p>
    <div class="copy-line">
      <input class="input mono" readonly aria-label="Address of the calendar" value=${address} />
      ${copyButton({ text: () => address, label: 'Copy', name: 'Copy the address of the calendar' })}
    </div>
    <p class="hint">
      In your calendar program, add a calendar “from the web” or “by URL”, and paste it there.
    </p>
  </div>`;

/** @param {CalendarFeed} feed @param {Context} context */
function calendar(feed, context) {
  const place = html`<div></div>`;
  const words = html`<span class="hint"></span>`;
  const make = html`<button type="button" class="button"></button>`;
  const remove = html`<button type="button" class="button button-danger-quiet">
    ${icon('trash3')}Remove the address
  </button>`;
  const show = (/** @type {string | null} */ since) => {
    words.replaceChildren(
      since
        ? html`<span>It has had an address since ${onDay(since)}.</span>`
        : html`<span>Your calendar shows when tokens are due and when they expire.</span>`,
    );
    make.replaceChildren(icon('calendar-event'), since ? 'Make another address' : 'Make an address');
    remove.hidden = !since;
  };
  let since = feed.createdAt;
  make.addEventListener('click', async () => {
    if (since && !(await confirm(ANOTHER))) return;
    await busy(make, async () => {
      try {
        const made = await api.post('/calendar');
        since = made.createdAt;
        place.replaceChildren(shown(made.url));
        place.querySelector('input').select();
      } catch (problem) {
        toast(wordsFor(problem));
      }
    });
    show(since);
  });
  remove.addEventListener('click', async () => {
    if (!(await confirm(REMOVE))) return;
    await busy(remove, async () => {
      try {
        await api.delete('/calendar');
        toast('The calendar has no address any more.');
      } catch (problem) {
        toast(/** @type {any} */ (problem).status === 404 ? 'It had none any more.' : wordsFor(problem));
      }
    });
    await context.reload();
  });
  show(since);
  return html`<div>
    <div class="setting">
      <div><b>Calendar</b>${words}</div>
      <div class="button-row">${make}${remove}</div>
    </div>
    ${place}
  </div>`;
}

/** @param {MailWishes} wishes @param {CalendarFeed} feed @param {Context} context */
export const reminderSettings = (wishes, feed, context) =>
  html`<section class="card" aria-labelledby="reminders-title">
    <div class="card-head"><h2 id="reminders-title">Reminders</h2></div>
    ${wishBox(wishes, REMINDERS)}${context.session.user.orgRole !== 'member'
      ? wishBox(wishes, DIGEST)
      : ''}${calendar(feed, context)}
  </section>`;
