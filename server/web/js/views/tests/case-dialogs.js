// What a reader who writes in the project may do with test cases.

/** @import { TestCase } from '../../types.js' */
import { api } from '../../api.js';
import { askText } from '../../dialogs/ask-text.js';
import { openNameTheTest } from '../../dialogs/name-the-test.js';
import { confirm } from '../../ui/dialog.js';
import { toast } from '../../ui/toast.js';

const HINT = 'Say what the system does, in a sentence that stays true when the test changes.';
const MOST = 200;

/** Makes a case, then shows how to name the test. @param {string} projectId @returns {Promise<boolean>} whether it was made */
export async function makeCase(projectId) {
  /** @type {TestCase | null} */
  const made = await askText({
    title: 'New test case',
    label: 'Title',
    hint: HINT,
    most: MOST,
    action: 'Create test case',
    send: (title) => api.post(`/test-cases?projectId=${projectId}`, { title }),
  });
  if (made) await openNameTheTest(made, { made: true });
  return Boolean(made);
}

/** @param {TestCase} one @param {string} projectId */
export const changeTitle = async (one, projectId) =>
  Boolean(
    await askText({
      title: 'Change the title',
      label: 'Title',
      hint: HINT,
      value: one.title,
      most: MOST,
      action: 'Save title',
      send: (title) => api.patch(`/test-cases/${one.id}?projectId=${projectId}`, { title }),
    }),
  );

/** @param {TestCase} one @param {string} projectId */
export async function archiveCase(one, projectId) {
  const agreed = await confirm({
    title: `Archive ${one.id}?`,
    body:
      `It leaves the lists and the counts of all cycles, and results for [${one.automationId}] are no longer ` +
      'taken. Its history stays. This cannot be undone.',
    yes: 'Archive test case',
    danger: true,
  });
  if (!agreed) return false;
  await api.delete(`/test-cases/${one.id}?projectId=${projectId}`);
  toast(`${one.id} is archived.`);
  return true;
}
