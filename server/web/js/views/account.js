// Account: who the reader is, reminders, password, sessions, theme, and the end of all tokens.

/** @import { CalendarFeed, Everything, MailWishes, Session, SessionEntry, View } from '../types.js' */
import { api } from '../api.js';
import { findAll, openDeleteAll } from '../dialogs/delete-all.js';
import { html, icon } from '../dom.js';
import { busy, once } from '../ui/busy.js';
import { head, person } from '../ui/parts.js';
import { themeSwitch } from '../ui/theme-switch.js';
import { passwordForm } from './account/password.js';
import { reminderSettings } from './account/reminders.js';
import { sessionList } from './account/sessions.js';

const ROLE = { owner: 'Owner', admin: 'Admin', member: 'Member' };

/** @param {Session} session */
const you = ({ user, organization }) =>
  html`<section class="card" aria-label="You">
    <div class="card-body stack">
      ${person(user)}
      <hr />
      <dl class="facts">
        <div>
          <dt>Organization</dt>
          <dd>${organization.name}<span class="sub">Id ${organization.id}</span></dd>
        </div>
        <div>
          <dt>Role</dt>
          <dd>${ROLE[user.orgRole]}<span class="sub">Your tokens have the same</span></dd>
        </div>
      </dl>
    </div>
  </section>`;

function deleteAll() {
  const button = html`<button type="button" class="button button-danger-quiet">
    ${icon('trash3')}Delete all tokens…
  </button>`;
  const work = once(async () => {
    const found = await busy(button, findAll);
    if (found) await openDeleteAll(found);
  });
  button.addEventListener('click', work);
  return html`<section class="card" aria-labelledby="tokens-title">
    <div class="card-head"><h2 id="tokens-title">Tokens</h2></div>
    <div class="setting">
      <div>
        <b>Delete all tokens</b>
        <span class="hint">After a leak, or when you leave. You see which ones first.</span>
      </div>
      ${button}
    </div>
  </section>`;
}

/** @type {View<{ sessions: Everything<SessionEntry>, wishes: MailWishes, feed: CalendarFeed }>} */
export default {
  title: 'Account',

  async load() {
    const [sessions, wishes, feed] = await Promise.all([
      api.all('/account/sessions'),
      api.get('/account/mail'),
      api.get('/calendar'),
    ]);
    return { sessions, wishes, feed };
  },

  render({ sessions, wishes, feed }, context) {
    return html`<div class="page page-narrow">
      ${head({ title: 'Account' })} ${you(context.session)}
      <section class="card" aria-labelledby="theme-title">
        <div class="setting">
          <div>
            <h2 id="theme-title">Theme</h2>
            <span class="hint">Kept in this browser.</span>
          </div>
          ${themeSwitch()}
        </div>
      </section>
      ${reminderSettings(wishes, feed, context)}
      <section class="card" aria-labelledby="password-title">
        <div class="card-head"><h2 id="password-title">Password</h2></div>
        <div class="card-body">${passwordForm(context)}</div>
      </section>
      ${sessionList(sessions.data, context)}${deleteAll()}
    </div>`;
  },
};
