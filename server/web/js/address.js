// Addresses: which of them are views of this page, and where sign-in may lead.

export const HOME = '/settings/api-keys';
export const REMINDERS = '/settings/reminders';
export const PROJECTS = '/settings/projects';
export const PEOPLE = '/settings/people';

export const AUDIT_LOG = '/settings/audit-log';

/** The audit log with filters, by the names that the API has for them. @param {Record<string, string | number>} filters */
export const auditPath = (filters) =>
  `${AUDIT_LOG}?${new URLSearchParams(Object.entries(filters).map(([key, value]) => [key, String(value)]))}`;

/** @param {number} id */
export const tokenPath = (id) => `${HOME}/${id}`;

/** @param {number} id the old token of the pair */
export const rotatePath = (id) => `${HOME}/${id}/rotate`;

/**
 * Where sign-in leads: `next` only when it is a path of this origin. "/.//example.com" is one to begin with, and
 * no longer when its dots are gone: "//example.com".
 * @param {string | null} next
 */
export function safeNext(next) {
  if (!next || !/^\/(?![/\\])/.test(next)) return HOME;
  try {
    const url = new URL(next, location.origin);
    const { origin, pathname, search } = url;
    if (origin !== location.origin || pathname.startsWith('//') || pathname === '/sign-in') return HOME;
    return pathname + search;
  } catch {
    return HOME;
  }
}

export const here = () => location.pathname + location.search;

export const signInPath = () => {
  const home = here() === HOME || location.pathname === '/' || location.pathname === '/sign-in';
  return home ? '/sign-in' : `/sign-in?next=${encodeURIComponent(here())}`;
};

/** @param {MouseEvent} event */
const plainClick = (event) =>
  event.button === 0 &&
  !event.defaultPrevented &&
  !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

/** @param {HTMLAnchorElement} link */
const sameWindow = (link) => !link.hasAttribute('download') && (!link.target || link.target === '_self');

/** A link to a place on the page that is shown. @param {HTMLAnchorElement} link */
const inPage = (link) => link.hash && link.pathname === location.pathname && link.search === location.search;

/**
 * The same-origin link that a plain left click follows; null when the browser should do it.
 * @param {MouseEvent} event
 * @returns {HTMLAnchorElement | null}
 */
export function followed(event) {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link?.href || !plainClick(event) || !sameWindow(link) || inPage(link)) return null;
  return link.origin === location.origin ? link : null;
}
