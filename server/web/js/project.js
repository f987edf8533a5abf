// The project whose tests are shown: the one in the address, else the last one of this browser.

/** @import { Context, Project, Session } from './types.js' */
import { PROJECTS } from './address.js';
import { Problem } from './api.js';
import { html } from './dom.js';
import { managesAll, projectsOf } from './projects.js';
import { navigate } from './router.js';
import { framed, blank, select } from './ui/parts.js';

/** @typedef {{ project: Project, projects: Project[] }} Place */

const KEY = 'project';
/** Of this tab; another tab may have gone to another one since. */
let last = '';

function remembered() {
  try {
    return last || localStorage.getItem(KEY);
  } catch {
    return last; // storage may be blocked
  }
}

/**
 * null: the reader is in no project.
 * @param {Context} context
 * @returns {Promise<Place | null>}
 */
export async function findProject({ query }) {
  const projects = await projectsOf();
  const of = (/** @type {string | null} */ id) => projects.find((one) => one.id === id);
  const wanted = query.get('project');
  if (wanted && !of(wanted)) throw new Problem({ status: 404, title: 'Not found' });
  const project = of(wanted ?? remembered()) ?? projects[0];
  return project ? { project, projects } : null;
}

/** Keeps the project that is shown: in the address, and for the next view. @param {Context} context @param {Place} place */
export function keepProject({ query, setQuery }, { project }) {
  last = project.id;
  try {
    localStorage.setItem(KEY, last);
  } catch {
    // storage may be blocked
  }
  if (query.get('project') === last) return;
  query.set('project', last);
  setQuery(query);
}

/** @param {Project} project */
export const mayWrite = ({ role }) => role !== 'guest';

/** @param {Place} place @param {string} path of the view that lists something of a project */
export function projectSwitch({ project, projects }, path) {
  const words = (/** @type {Project} */ one) => `${one.name} (${one.id})`;
  if (projects.length === 1) return html`<span class="quiet"><bdi dir="auto">${words(project)}</bdi></span>`;
  return select({
    label: 'Project',
    value: project.id,
    options: projects.map((one) => [one.id, words(one)]),
    onchange: (id) => navigate(inProject(path, id)),
  });
}

/** @param {string} path @param {string} projectId */
export const inProject = (path, projectId) => `${path}?project=${projectId}`;

/** @param {string} title @param {Session} session */
export function noProject(title, session) {
  const admin = managesAll(session);
  const body = admin
    ? 'Your organization has no project yet.'
    : 'You are in no project. An admin of your organization can add you to one.';
  const actions = admin ? html`<a class="button" href=${PROJECTS}>Projects</a>` : null;
  return framed(title, blank({ symbol: 'layers', title: 'No project', body, actions }));
}
