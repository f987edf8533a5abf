// The only moment in which the token is visible. It stands in the document while this dialog is open, and
// nowhere else. Nothing closes the dialog by accident while the token is not copied: not Esc, not a click
// outside, not Back, not a reload, not "Done".

/** @import { MadeToken } from '../types.js' */
import { $, announce, html, icon } from '../dom.js';
import { fmt } from '../format.js';
import { current } from '../session.js';
import { copyButton } from '../ui/copy.js';
import { confirm, dialog, open } from '../ui/dialog.js';
import { snippets } from '../ui/snippets.js';
import { guard } from './guard.js';

const ASK = {
  title: 'Close without copying?',
  body: 'It cannot be shown again. Without a copy it is of no use; you would generate a new one.',
  no: 'Go back and copy',
  yes: 'Close anyway',
  danger: true,
};

/** @param {string} strong @param {string} text @param {string | null} role */
const warning = (strong, text, role = null) =>
  html`<p class="warning" role=${role}>
    ${icon('exclamation-triangle')}<span><strong>${strong}</strong> ${text}</span>
  </p>`;

const once = () =>
  warning(
    'This is the only time it is shown.',
    'We keep a hash of it, so nobody, ourselves included, can show it again. ' +
      'If you lose it, delete it and generate a new one.',
  );

const byHand = () =>
  warning(
    'The browser did not let us copy.',
    'The token is selected: press Ctrl+C (⌘C on a Mac), then paste it into your secret.',
    'alert',
  );

/** @param {{ made: MadeToken, output: any, copy: any, note: any, done: any }} parts */
const frame = ({ made, output, copy, note, done }) =>
  dialog({
    title: 'Copy your new token',
    wide: true,
    closedBy: 'none',
    closable: false,
    lead: html`<bdi dir="auto">${made.name}</bdi>
      <span>· expires ${fmt.day(made.expiresAt)}, rotate by ${fmt.day(made.rotateAt)}</span>`,
    body: html`<div class="stack">
        <div class="stub">
          ${output}
          <div>${copy}</div>
        </div>
        ${note}
      </div>
      <div class="stack-s">
        <h3>Store it as the secret <code>TESTKASE_PAT</code></h3>
        ${snippets({ organizationId: current()?.organization.id ?? 1 })}
      </div>`,
    foot: html`<span class="small muted start">Never put it into code or a pipeline file.</span>${done}`,
  });

/** @param {MadeToken} made */
export async function openShownOnce(made) {
  let token = made.token;
  made.token = '';
  const output = html`<output aria-label="The new token"
    ><b>${token.slice(0, 7)}</b>${token.slice(7)}</output
  >`;
  const done = html`<button type="button" class="button">Done</button>`;
  const note = once();

  const copied = () => {
    guarding.release();
    done.classList.add('button-primary');
    copy.classList.remove('button-primary');
  };
  const failed = () => {
    getSelection()?.selectAllChildren(output);
    note.replaceWith(byHand());
  };
  const copy = copyButton({
    text: () => token,
    label: 'Copy token',
    className: 'button button-primary',
    keep: true,
    oncopy: copied,
    onfail: failed,
  });
  const node = frame({ made, output, copy, note, done });
  const guarding = guard(node, () => confirm(ASK));
  // Copying by hand counts too, when it was the whole token.
  output.addEventListener('copy', () => {
    if (getSelection()?.toString().replace(/\s/g, '') !== token) return;
    copied();
    announce('Token copied.', node);
  });
  done.addEventListener('click', guarding.leave);

  const closed = open(node);
  $('h2', node).focus();
  await closed;
  token = '';
  output.replaceChildren();
  output.remove();
  await guarding.end();
}
