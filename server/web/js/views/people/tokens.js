// The tokens of an account that can be used, which an admin may end: after a leak, say, when the owner is away. An admin also
// makes those of service accounts, which cannot sign in.

/** @import { Account, Context, Everything, Token } from '../../types.js' */
import { api } from '../../api.js';
import { generate } from '../../dialogs/generate.js';
import { html, icon, name } from '../../dom.js';
import { busy, once, showProblem } from '../../ui/busy.js';
import { confirm } from '../../ui/dialog.js';
import { when } from '../../ui/time.js';
import { toast } from '../../ui/toast.js';

/** Nobody is told of what they did themselves. @param {Account} account @param {number} me */
function told(account, me) {
  if (account.kind === 'service') return 'Those who look after it get a mail that names you.';
  return account.id === me ? '' : `${account.name} gets a mail that names you.`;
}

/** @param {Account} account @param {Token} token @param {number} me */
const ending = (account, token, me) => ({
  title: `Revoke “${token.name}”?`,
  body:
    'From this moment on, a call with it gets 401: pipelines that use it fail on their next call. ' +
    `It cannot be brought back. ${told(account, me)}`,
  yes: 'Revoke',
  danger: true,
});

/** @param {Token} token */
const used = (token) => (token.lastUsedAt ? html`used ${when(token.lastUsedAt)}` : 'never used');

/** @param {Account} account @param {Token} token @param {any} slot @param {Context} context */
function row(account, token, slot, { session, reload }) {
  const revoke = html`<button
    type="button"
    class="button button-small button-danger-quiet"
    aria-label=${`Revoke ${token.name}, ${token.tokenPreview}`}
  >
    Revoke…
  </button>`;
  revoke.addEventListener('click', () =>
    busy(revoke, async () => {
      slot.replaceChildren();
      if (!(await confirm(ending(account, token, session.user.id)))) return;
      try {
        await api.delete(`/users/${account.id}/api-keys/${token.id}`);
        toast('Revoked. No server accepts it any more.');
        await reload();
      } catch (problem) {
        showProblem(slot, problem, revoke);
      }
    }),
  );
  return html`<li>
    <div class="grow">
      <b>${name(token.name)}</b>
      <span class="sub"
        ><span class="mono">${token.tokenPreview}</span> · expires ${when(token.expiresAt)} ·
        ${used(token)}</span
      >
    </div>
    ${revoke}
  </li>`;
}

/** @param {Account} account @param {Token[]} tokens @param {Context} context */
function generateButton(account, tokens, { reload }) {
  const work = once(async () => {
    if (await generate(tokens, undefined, account)) await reload();
  });
  return html`<button type="button" class="button" @click=${work}>
    ${icon('plus-lg')}Generate New Token
  </button>`;
}

/** @param {Account} account @param {Everything<Token>} tokens @param {Context} context */
export function tokenList(account, { data, more }, context) {
  const slot = html`<div></div>`;
  const canBeGiven = account.kind === 'service' && account.status === 'active';
  const rows = html`<ul class="rows">
    ${data.map((token) => row(account, token, slot, context))}
  </ul>`;
  const words = data.length
    ? `Whatever presents one of them acts as this account.${more ? ' These are the newest ones.' : ''}`
    : 'The account has no token that can be used.';
  return html`<section class="card" aria-labelledby="tokens-title">
    <div class="card-head"><h2 id="tokens-title">Tokens</h2></div>
    <div class="setting">
      <div><span class="hint">${words}</span></div>
      ${canBeGiven ? generateButton(account, data, context) : ''}
    </div>
    ${data.length ? rows : ''} ${slot}
  </section>`;
}
