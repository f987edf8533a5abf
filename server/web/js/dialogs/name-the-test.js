// How a test names its case, for the frameworks whose reports the reporter reads.

/** @import { TestCase } from '../types.js' */
import { html } from '../dom.js';
import { codeBlock } from '../ui/code-block.js';
import { copyButton } from '../ui/copy.js';
import { dialog, open } from '../ui/dialog.js';
import { tabbed } from '../ui/tabs.js';

/**
 * Title, a sentence, and the code.
 * @param {string} id in brackets
 * @returns {[string, string, string][]}
 */
const frameworks = (id) => [
  [
    'Playwright, Jest, Mocha, Cypress',
    'Anywhere in the title of the test.',
    `test('${id} guest checks out', async () => {
  // …
});`,
  ],
  [
    'JUnit 5',
    'In the display name. Gradle writes it into its report by itself, Maven Surefire with usePhrasedTestCaseMethodName.',
    `@Test
@DisplayName("${id} guest checks out")
void guestChecksOut() {
    // …
}`,
  ],
  [
    'pytest',
    'A function has no brackets in its name, so the test records a property.',
    `def test_guest_checks_out(record_property):
    record_property("testkase", "${id}")
    ...`,
  ],
  [
    'Cucumber',
    'In a tag of the scenario, or in its name.',
    `@testkase${id}
Scenario: Guest checks out
  Given a cart with one book`,
  ],
  [
    'TestNG',
    'In the description, which testng-results.xml has: report it with --format testng.',
    `@Test(description = "${id} guest checks out")
public void guestChecksOut() {
    // …
}`,
  ],
  [
    'NUnit',
    'In the description.',
    `[Test(Description = "${id} guest checks out")]
public void GuestChecksOut()
{
    // …
}`,
  ],
];

/** @param {TestCase} testCase @param {{ made?: boolean }} [how] `made`: it is new */
export async function openNameTheTest({ id, automationId }, { made = false } = {}) {
  const bracketed = `[${automationId}]`;
  const tabs = frameworks(bracketed).map(([title, sentence, code]) => ({
    title,
    content: () => [
      html`<p class="small quiet">${sentence}</p>`,
      codeBlock(code, `Copy the example for ${title}`),
    ],
  }));
  const node = dialog({
    title: made ? `${id} is there. Now name the test` : 'How to name the test',
    lead: 'The id in its brackets belongs into the name of the test. Its results then land at this case.',
    wide: true,
    body: html`<div class="stack">
      <div class="stub-line">
        <code class="id-big">${bracketed}</code>
        ${copyButton({ text: () => bracketed, label: 'Copy', name: 'Copy the automation id' })}
      </div>
      <section class="snippets examples" aria-label="By framework">${tabbed('Framework', tabs)}</section>
    </div>`,
    foot: html`<button type="button" class="button button-primary" data-close autofocus>Done</button>`,
  });
  await open(node);
}
