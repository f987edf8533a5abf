// A link by which a person sets a password: mailed, or shown this once to be passed on.

/** @import { Account } from '../../types.js' */
import { api } from '../../api.js';
import { $, html, icon } from '../../dom.js';
import { fmt } from '../../format.js';
import { copyButton } from '../../ui/copy.js';
import { dialog, open } from '../../ui/dialog.js';
import { toast } from '../../ui/toast.js';

/** @typedef {{ purpose: 'invitation' | 'reset', expiresAt: string, link: string | null, mailedTo: string | null }} Made */

/** @param {Account} one */
export async function mailLink(one) {
  /** @type {Made} */
  const made = await api.post(`/users/${one.id}/password-link`, { deliver: 'mail' });
  toast(`A mail with a link goes to ${made.mailedTo}.`);
}

/** Makes a link and shows it; `closed` comes with the end of the dialog. @param {Account} one */
export async function showLink(one) {
  /** @type {Made} */
  const made = await api.post(`/users/${one.id}/password-link`, { deliver: 'link' });
  const link = made.link ?? '';
  const output = html`<input class="input mono" readonly aria-label="The link" value=${link} />`;
  const copy = copyButton({
    text: () => link,
    label: 'Copy',
    name: 'Copy the link',
    className: 'button button-primary',
    keep: true,
    onfail: () => output.select(),
  });
  const node = dialog({
    title: made.purpose === 'invitation' ? 'Pass on the invitation' : 'Pass on the link',
    closedBy: 'closerequest',
    lead: html`<span>For </span><bdi dir="auto">${one.name}</bdi
      ><span>, until ${fmt.day(made.expiresAt)}</span>`,
    body: html`<div class="stack">
      <p class="warning">
        ${icon('exclamation-triangle')}<span
          ><strong>This is the only time it is shown.</strong> Whoever opens it can sign in as this person:
          send it by a private message. It works once.</span
        >
      </p>
      <div class="copy-line">${output}${copy}</div>
    </div>`,
    foot: html`<button type="button" class="button" data-close>Done</button>`,
  });
  const closed = open(node).then(() => {
    output.value = '';
  });
  $('h2', node).focus();
  return { closed };
}
