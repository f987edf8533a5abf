// One account of the organization, for admins: its role, its way in, its custodians, its tokens, its end.

/** @import { Account, AccountDetail, Context, Custodian, Everything, Token, View } from '../types.js' */
import { auditPath, PEOPLE, PROJECTS } from '../address.js';
import { api } from '../api.js';
import { html, name } from '../dom.js';
import { busy, showProblem } from '../ui/busy.js';
import { confirm } from '../ui/dialog.js';
import { crumbs, head, select } from '../ui/parts.js';
import { onDay } from '../ui/time.js';
import { toast } from '../ui/toast.js';
import { custodianList } from './people/custodians.js';
import { mailLink, showLink } from './people/link.js';
import { tokenList } from './people/tokens.js';
import { again, isInvited, leaving, NO_LINK, ROLE, stateOf } from './people/words.js';

/** @typedef {{ account: AccountDetail, custodians: Custodian[], people: Account[], tokens: Everything<Token> }} Data */

/** A button whose work says at its own place why it failed. @param {any} button @param {any} slot @param {() => Promise<unknown>} work */
function act(button, slot, work) {
  button.addEventListener('click', () =>
    busy(button, async () => {
      slot.replaceChildren();
      try {
        await work();
      } catch (problem) {
        showProblem(slot, problem, button);
      }
    }),
  );
  return button;
}

const projects = () =>
  html`<div>
    <dt>Projects</dt>
    <dd><a href=${PROJECTS}>Add to a project</a></dd>
  </div>`;

/** @param {Account} account @param {Context} context */
function about(account, { session, reload }) {
  const slot = html`<div></div>`;
  const fixed = account.kind === 'service' || account.orgRole === 'owner' || account.id === session.user.id;
  const change = async (/** @type {string} */ orgRole) => {
    try {
      await api.patch(`/users/${account.id}`, { orgRole });
      toast(orgRole === 'admin' ? 'An admin from now on.' : 'A member from now on.');
      await reload();
    } catch (problem) {
      showProblem(slot, problem);
    }
  };
  const role = fixed
    ? ROLE[account.orgRole]
    : select({
        label: 'Role',
        value: account.orgRole,
        options: [
          ['member', 'Member'],
          ['admin', 'Admin'],
        ],
        onchange: change,
      });
  return html`<section class="card" aria-label="About">
    <div class="card-body stack">
      <dl class="facts">
        <div>
          <dt>Email</dt>
          <dd class="break">${account.email}</dd>
        </div>
        <div>
          <dt>Kind</dt>
          <dd>${account.kind === 'service' ? 'Service account' : 'Person'}</dd>
        </div>
        <div>
          <dt>Role</dt>
          <dd>${role}</dd>
        </div>
        <div>
          <dt>Added</dt>
          <dd>${onDay(account.createdAt)}</dd>
        </div>
        ${account.orgRole === 'member' && account.status === 'active' ? projects() : ''}
      </dl>
      ${slot}
    </div>
    <div class="card-foot small">
      <span class="quiet">In the audit log:</span>
      <a href=${auditPath({ actorUserId: account.id })}
        >what ${account.kind === 'service' ? 'it' : 'they'} did</a
      >
      <a href=${auditPath({ targetKind: 'user', targetId: account.id })}>what was done to this account</a>
    </div>
  </section>`;
}

/** @param {AccountDetail} account */
function wayIn(account) {
  const { linkRefusal: refusal } = account;
  const invited = isInvited(account);
  const slot = html`<div></div>`;
  const mail = act(html`<button type="button" class="button">Mail a link</button>`, slot, () =>
    mailLink(account),
  );
  const show = act(html`<button type="button" class="button">Show a link</button>`, slot, () =>
    showLink(account),
  );
  const words = invited
    ? 'The invitation is not accepted yet. A new link takes the place of the one before, and is valid for 7 days.'
    : 'A link by which the person replaces the password, once.';
  const more = invited ? '' : ' When it is shown to you, the person is told by mail.';
  return html`<section class="card" aria-labelledby="way-in-title">
    <div class="card-head"><h2 id="way-in-title">${invited ? 'Invitation' : 'Password'}</h2></div>
    <div class="setting">
      <div><span class="hint">${words}${refusal ? ` ${NO_LINK[refusal]}` : more}</span></div>
      <div class="button-row">${mail}${refusal ? '' : show}</div>
    </div>
    ${slot}
  </section>`;
}

/** @param {Account} account @param {boolean} hasTokens @param {Context} context */
function access(account, hasTokens, { session, reload }) {
  if (account.orgRole === 'owner' || account.id === session.user.id) return '';
  const slot = html`<div></div>`;
  const active = account.status === 'active';
  const button = active
    ? html`<button type="button" class="button button-danger-quiet">Deactivate…</button>`
    : html`<button type="button" class="button">Reactivate</button>`;
  act(button, slot, async () => {
    if (active && !(await confirm(leaving(account, hasTokens)))) return;
    await api.patch(`/users/${account.id}`, { status: active ? 'deactivated' : 'active' });
    toast(
      active
        ? `Deactivated.${hasTokens ? ' All its tokens have ended.' : ''}`
        : 'Active again. It has no token yet.',
    );
    await reload();
  });
  const words = active ? 'Ends every token and session of the account at once.' : again(account);
  return html`<section class="card" aria-labelledby="access-title">
    <div class="setting">
      <div>
        <h2 id="access-title">Access</h2>
        <span class="hint">${words}</span>
      </div>
      ${button}
    </div>
    ${slot}
  </section>`;
}

/** @param {Account} account */
async function custodiansOf(account) {
  if (account.kind !== 'service') return { custodians: [], people: [] };
  const [custodians, people] = await Promise.all([
    api.all(`/users/${account.id}/custodians`),
    api.all('/users?status=active'),
  ]);
  return {
    custodians: custodians.data,
    people: people.data.filter((/** @type {Account} */ one) => one.kind === 'person'),
  };
}

/** @type {View<Data>} */
export default {
  title: 'Account of the organization',
  named: true,

  async load({ params }) {
    const account = await api.get(`/users/${params.id}`);
    const [more, tokens] = await Promise.all([
      custodiansOf(account),
      api.all(`/users/${account.id}/api-keys`),
    ]);
    return { account, ...more, tokens };
  },

  render({ account, custodians, people, tokens }, context) {
    const isPerson = account.kind === 'person' && account.status === 'active';
    const hasWayIn = isPerson && account.id !== context.session.user.id;
    return html`<div class="page page-narrow">
      ${head({
        above: crumbs(['People', PEOPLE], [account.email]),
        title: name(account.name),
        badge: stateOf(account),
      })}
      ${about(account, context)} ${hasWayIn ? wayIn(account) : ''}
      ${account.kind === 'service' ? custodianList(account, custodians, people, context) : ''}
      ${tokenList(account, tokens, context)} ${access(account, tokens.data.length > 0, context)}
    </div>`;
  },
};
