// What the roles in a project are called, and what each may do.

export const ROLE = { user: 'User', guest: 'Guest', project_admin: 'Project admin' };
export const ROLES = Object.entries(ROLE);
export const WHAT =
  'A guest only reads. A user also changes tests and reports results. A project admin also manages the members.';
