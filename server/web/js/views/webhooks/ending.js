// Where a webhook is disabled, enabled and deleted.

/** @import { Context, Webhook } from '../../types.js' */
import { api } from '../../api.js';
import { html, icon } from '../../dom.js';
import { navigate } from '../../router.js';
import { busy, once, showProblem } from '../../ui/busy.js';
import { confirm } from '../../ui/dialog.js';
import { toast } from '../../ui/toast.js';
import { WEBHOOKS } from './words.js';

/** @param {Webhook} hook @param {Context} context */
export function ending(hook, { reload }) {
  const slot = html`<div></div>`;
  const enabled = hook.status === 'enabled';
  const toggle = html`<button type="button" class="button">${enabled ? 'Disable' : 'Enable'}</button>`;
  toggle.addEventListener('click', () =>
    busy(toggle, async () => {
      try {
        await api.patch(`/webhooks/${hook.id}`, { status: enabled ? 'disabled' : 'enabled' });
        toast(enabled ? 'Disabled. Nothing is sent to it.' : 'Enabled. It is called from now on.');
        await reload();
      } catch (problem) {
        showProblem(slot, problem, toggle);
      }
    }),
  );
  const remove = once(async () => {
    const sure = await confirm({
      title: `Delete ${hook.name}?`,
      body: 'Nothing more is sent to it. Its address, its secret and the list of its deliveries are erased.',
      yes: 'Delete',
      danger: true,
    });
    if (!sure) return;
    await api.delete(`/webhooks/${hook.id}`);
    toast('The webhook is deleted.');
    await navigate(WEBHOOKS, { replace: true });
  });
  const words = enabled
    ? 'Disabled, it gets no new events, and deliveries that wait are parked.'
    : 'Enabled, it gets new events. What happened meanwhile is not sent; parked deliveries can be redelivered.';
  return html`<section class="card" aria-labelledby="ending-title">
    <div class="setting">
      <div>
        <h2 id="ending-title">${enabled ? 'Disable or delete' : 'Enable or delete'}</h2>
        <span class="hint">${words}</span>
      </div>
      <div class="button-row">
        ${toggle}<button type="button" class="button button-danger-quiet" @click=${remove}>
          ${icon('trash3')}Delete…
        </button>
      </div>
    </div>
    ${slot}
  </section>`;
}
