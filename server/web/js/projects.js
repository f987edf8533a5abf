// The reader's projects, and which of them they manage.

/** @import { Project, Session } from './types.js' */
import { api } from './api.js';

/** All that the reader sees. @returns {Promise<Project[]>} */
export const projectsOf = async () => (await api.all('/projects/user-projects')).data;

export const managed = async () => (await projectsOf()).filter(({ role }) => role === 'project_admin');

/** The organization's owner and admins manage every project, and make new ones. @param {Session} session */
export const managesAll = ({ user }) => user.orgRole !== 'member';
