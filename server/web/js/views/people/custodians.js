// The people who look after a service account: they get its reminders.

/** @import { Account, Context, Custodian } from '../../types.js' */
import { api } from '../../api.js';
import { $, html, icon, name } from '../../dom.js';
import { busy, showProblem } from '../../ui/busy.js';
import { toast } from '../../ui/toast.js';

/** @param {Account} account @param {Custodian} one @param {any} slot @param {Context} context */
function row(account, one, slot, { reload }) {
  const remove = html`<button type="button" class="button button-small" aria-label=${`Remove ${one.name}`}>
    Remove
  </button>`;
  remove.addEventListener('click', () =>
    busy(remove, async () => {
      try {
        await api.delete(`/users/${account.id}/custodians/${one.userId}`);
        toast('Removed.');
        await reload();
      } catch (problem) {
        showProblem(slot, problem);
      }
    }),
  );
  return html`<li>
    <div class="grow">
      <b>${name(one.name)}</b>
      <span class="sub">${one.email}${one.status === 'active' ? '' : ' · deactivated'}</span>
    </div>
    ${remove}
  </li>`;
}

/** @param {Account} account @param {Account[]} others @param {any} slot @param {Context} context */
function adder(account, others, slot, { reload }) {
  const add = html`<button type="button" class="button">${icon('plus-lg')}Add</button>`;
  const form = html`<div class="copy-line">
    <span class="select-wrap"
      ><select class="select" aria-label="Person to add">
        ${others.map((one) => html`<option value=${String(one.id)}>${one.name} (${one.email})</option>`)}</select
      >${icon('chevron-down')}</span
    >${add}
  </div>`;
  add.addEventListener('click', () =>
    busy(add, async () => {
      try {
        await api.put(`/users/${account.id}/custodians/${$('select', form).value}`);
        toast('Added.');
        await reload();
      } catch (problem) {
        showProblem(slot, problem, add);
      }
    }),
  );
  return form;
}

/** @param {Account} account @param {Custodian[]} custodians @param {Account[]} people @param {Context} context */
export function custodianList(account, custodians, people, context) {
  const slot = html`<div></div>`;
  const others = people.filter((one) => !custodians.some(({ userId }) => userId === one.id));
  const rows = html`<ul class="rows">
    ${custodians.map((one) => row(account, one, slot, context))}
  </ul>`;
  return html`<section class="card" aria-labelledby="custodians-title">
    <div class="card-head"><h2 id="custodians-title">Custodians</h2></div>
    <div class="card-body">
      <p class="hint">
        They are reminded when tokens of this account are due. Without any, the owner and the admins are.
      </p>
    </div>
    ${custodians.length ? rows : ''}
    <div class="card-body stack">${others.length ? adder(account, others, slot, context) : ''}${slot}</div>
  </section>`;
}
