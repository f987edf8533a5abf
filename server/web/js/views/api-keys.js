// Settings → API Keys: the list of the reader's tokens.

/** @import { Start } from '../dialogs/generate.js' */
/** @import { Context, Everything, Finding, Token, View } from '../types.js' */
import { api } from '../api.js';
import { openDelete } from '../dialogs/delete-token.js';
import { generate } from '../dialogs/generate.js';
import { html, icon } from '../dom.js';
import { showDue } from '../shell.js';
import { isDue } from '../token.js';
import { once } from '../ui/busy.js';
import { head } from '../ui/parts.js';
import { dueBanner } from './keys/due.js';
import { hygienePanel } from './keys/hygiene.js';
import { lesson } from './keys/lesson.js';
import { tokenList } from './keys/list.js';

/** @typedef {{ tokens: Everything<Token>, findings: Finding[] | null }} Data `null`: not known yet */

/** How long the list waits for the findings, in ms: of hundreds of busy tokens they take longer. */
const PATIENCE = 200;

/** @type {{ user: number, findings: Finding[] | null, news: boolean }} what is known of hygiene, and of whom */
let known = { user: 0, findings: null, news: false };

/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks for the findings. Those that come after the view is drawn draw it again.
 * @param {Context} context
 */
function askForFindings(context) {
  const user = context.session.user.id;
  if (known.user !== user) known = { user, findings: null, news: false };
  const mine = known;
  let isDrawn = false;
  const asked = mine.news
    ? Promise.resolve()
    : api.all('/api-keys/hygiene').then(
        ({ data }) => {
          mine.findings = data;
          mine.news = isDrawn;
          if (isDrawn) context.reload();
        },
        () => {},
      );
  mine.news = false;
  return async () => {
    await Promise.race([asked, wait(PATIENCE)]);
    isDrawn = true;
    return mine.findings;
  };
}

/** What rows and panels may do. @param {Token[]} tokens @param {Context} context */
function actionsOf(tokens, context) {
  return {
    generate: once(async (/** @type {Start | undefined} */ start) => {
      if (await generate(tokens, start)) await context.reload();
    }),
    remove: once(async (/** @type {Token} */ token) => {
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

  async load(context) {
    const findings = askForFindings(context);
    const tokens = await api.all('/api-keys?status=all&sort=-created');
    return { tokens, findings: await findings() };
  },

  render({ tokens, findings }, context) {
    const actions = actionsOf(tokens.data, context);
    const none = !tokens.data.length;
    const list = tokenList(tokens, findings ?? [], context, actions);
    const due = tokens.data.filter(isDue);
    showDue(due.length);
    const habits = findings?.filter((one) => one.practice !== 'rotation_due'); // the banner has those
    const panel = habits ? hygienePanel(habits, tokens.data, context, actions) : '';
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
        : [dueBanner(due, list.review), list.node, panel]}
    </div>`;
  },
};
