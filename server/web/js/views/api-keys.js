// Settings → API Keys: the list of the reader's tokens.

/** @import { Start } from '../making.js' */
/** @import { Context, Everything, Finding, Token, View } from '../types.js' */
import { api } from '../api.js';
import { html, icon } from '../dom.js';
import { lazy } from '../lazy.js';
import { generate } from '../making.js';
import { showDue } from '../shell.js';
import { isDue } from '../token.js';
import { once } from '../ui/busy.js';
import { head } from '../ui/parts.js';
import { dueBanner } from './keys/due.js';
import { hygienePanel } from './keys/hygiene.js';
import { lesson } from './keys/lesson.js';
import { tokenList } from './keys/list.js';

/** @typedef {{ tokens: Everything<Token>, hygiene: Everything<Finding> }} Data */

/** What rows and panels may do. @param {Token[]} tokens @param {Context} context */
function actionsOf(tokens, context) {
  return {
    generate: once(async (/** @type {Start | undefined} */ start) => {
      if (await generate(tokens, start)) await context.reload();
    }),
    remove: once(async (/** @type {Token} */ token) => {
      const { openDelete } = await lazy(() => import('../dialogs/delete-token.js'));
      if (await openDelete(token)) await context.reload();
    }),
    /** @param {Finding} finding */
    async dismiss(finding) {
      await api.post(`/api-keys/hygiene/${encodeURIComponent(finding.id)}/dismiss`);
      await context.reload();
    },
  };
}
/** @typedef {ReturnType<typeof actionsOf>} Actions */

const LEAD =
  'Personal Access Tokens let pipelines and scripts use the TestKase API with exactly your rights.';

/** @type {View<Data>} */
export default {
  title: 'API Keys',
  rows: 8,
  live: true,

  async load() {
    const [tokens, hygiene] = await Promise.all([
      api.all('/api-keys?status=all&sort=-created'),
      api.all('/api-keys/hygiene'),
    ]);
    return { tokens, hygiene };
  },

  render({ tokens, hygiene }, context) {
    const actions = actionsOf(tokens.data, context);
    const none = !tokens.data.length;
    const list = tokenList(tokens, hygiene.data, context, actions);
    const due = tokens.data.filter(isDue);
    showDue(due.length);
    const habits = hygiene.data.filter((one) => one.practice !== 'rotation_due'); // the banner has those
    const make = html`<button
      type="button"
      class="button button-primary"
      @click=${() => actions.generate(undefined)}
    >
      ${icon('plus-lg')}Generate New Token
    </button>`;
    return html`<div class="page">
      ${head({
        title: 'API Keys',
        lead: LEAD,
        actions: none ? null : make,
      })}
      ${none
        ? lesson(context.session.organization.id, () => actions.generate(undefined))
        : [dueBanner(due, list.review), list.node, hygienePanel(habits, tokens.data, context, actions)]}
    </div>`;
  },
};
