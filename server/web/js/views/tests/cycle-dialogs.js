// What a reader who writes in the project may do with test cycles.

/** @import { TestCycle } from '../../types.js' */
import { api } from '../../api.js';
import { askText } from '../../dialogs/ask-text.js';
import { confirm } from '../../ui/dialog.js';
import { toast } from '../../ui/toast.js';

const HINT = 'Say what the cycle is for, such as a release, or the nightly run.';
const MOST = 100;

/** @param {string} projectId @returns {Promise<TestCycle | null>} */
export const makeCycle = (projectId) =>
  askText({
    title: 'New test cycle',
    label: 'Name',
    hint: HINT,
    most: MOST,
    action: 'Create test cycle',
    send: (name) => api.post(`/test-cycles?projectId=${projectId}`, { name }),
  });

/** @param {TestCycle} cycle @param {string} projectId */
export const renameCycle = async (cycle, projectId) =>
  Boolean(
    await askText({
      title: 'Rename the cycle',
      label: 'Name',
      hint: HINT,
      value: cycle.name,
      most: MOST,
      action: 'Save name',
      send: (name) => api.patch(`/test-cycles/${cycle.id}?projectId=${projectId}`, { name }),
    }),
  );

/** @param {TestCycle} cycle @param {string} projectId */
export async function archiveCycle(cycle, projectId) {
  const agreed = await confirm({
    title: `Archive ${cycle.id}?`,
    body:
      `Pipelines that report to ${cycle.id} are refused from then on. Its results stay readable. ` +
      'This cannot be undone.',
    yes: 'Archive test cycle',
    danger: true,
  });
  if (!agreed) return false;
  await api.delete(`/test-cycles/${cycle.id}?projectId=${projectId}`);
  toast(`${cycle.id} is archived.`);
  return true;
}
