// What surrounds the views: navigation, the account's menu, the count of due tokens.

/** @import { Session } from './types.js' */
import { AUDIT_LOG, HOME, PROJECTS, REMINDERS } from './address.js';
import { $, $$, html, icon } from './dom.js';
import { avatar } from './ui/parts.js';

/** Groups of the navigation; a group is added here, a page as a row of it, with what one must be allowed to see it. @type {[string, string[][]][]} */
const NAVIGATION = [
  [
    'Settings',
    [
      [HOME, 'key', 'API Keys'],
      [REMINDERS, 'bell', 'Reminders'],
      ['/settings/people', 'people', 'People', 'admin'],
      [PROJECTS, 'kanban', 'Projects', 'projects'],
      ['/settings/webhooks', 'broadcast', 'Webhooks', 'admin'],
      [AUDIT_LOG, 'journal-text', 'Audit log', 'admin'],
      ['/account', 'person-circle', 'Account'],
    ],
  ],
  [
    'Tests',
    [
      ['/test-cases', 'card-checklist', 'Test cases'],
      ['/test-cycles', 'layers', 'Test cycles'],
    ],
  ],
];
const ROLE = { owner: 'Owner', admin: 'Admin', member: 'Member' };

/** Whether the view stands alone, without navigation. @param {boolean} yes */
export const bare = (yes) => $('#app').toggleAttribute('data-bare', yes);

/** @type {Record<string, boolean>} */
const allowed = { admin: false, projects: false };

/** Shows the rows of the navigation that need it. @param {{ admin?: boolean, projects?: boolean }} rights */
export function allow(rights) {
  Object.assign(allowed, rights);
  for (const row of $$('#nav [data-needs]')) row.hidden = !allowed[row.dataset.needs];
}

/** The pages that the navigation shows. */
export const pages = () =>
  NAVIGATION.flatMap(([, rows]) =>
    rows
      .filter(([, , , needs]) => !needs || allowed[needs])
      .map(([path, symbol, title]) => ({ path, symbol, title })),
  );

export function drawNavigation() {
  const groups = NAVIGATION.map(([title, rows], i) => [
    html`<h2 id=${`nav-${i}`}>${title}</h2>`,
    html`<ul aria-labelledby=${`nav-${i}`}>
      ${rows.map(
        ([path, symbol, text, needs]) =>
          html`<li ?hidden=${Boolean(needs)} data-needs=${needs ?? null}>
            <a href=${path}>${icon(symbol)}${text}</a>
          </li>`,
      )}
    </ul>`,
  ]);
  $('#nav').replaceChildren(...groups.flat());
  $(`#nav a[href="${HOME}"]`).append(
    html`<span class="count" data-tone="warn" id="due-count" hidden></span>`,
  );
  $(`#nav a[href="${REMINDERS}"]`).append(
    html`<span class="count" data-tone="warn" id="reminder-count" hidden></span>`,
  );
}

/** @param {Session} session */
export function showSession({ user, organization }) {
  $('#org-name').textContent = organization.name;
  allow({ admin: user.orgRole !== 'member' });
  $('#user-button').replaceChildren(
    avatar(user),
    html`<span>
      <b><bdi dir="auto">${user.name}</bdi></b>
      <small>${ROLE[user.orgRole]} of ${organization.name}</small>
    </span>`,
    icon('chevron-down', 'chevron'),
  );
}

/**
 * Tokens due for rotation: a count in the navigation, said in words to screen readers.
 * @param {number} count
 */
export function showDue(count) {
  const badge = $('#due-count');
  const menu = $('.topbar [popovertarget]');
  badge.hidden = !count;
  badge.replaceChildren(String(count), html`<span class="sr-only"> due for rotation</span>`);
  menu.toggleAttribute('data-due', Boolean(count));
  menu.setAttribute('aria-label', count ? `Menu, ${count} due for rotation` : 'Menu');
}

/** Open reminders: a count in the navigation. @param {string} count */
export function showReminders(count) {
  const badge = $('#reminder-count');
  badge.hidden = count === '0';
  badge.replaceChildren(count, html`<span class="sr-only"> open</span>`);
}

export function markCurrent() {
  const path = location.pathname;
  for (const link of $$('#nav a')) {
    if (path === link.pathname) link.setAttribute('aria-current', 'page');
    else if (path.startsWith(`${link.pathname}/`)) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}
