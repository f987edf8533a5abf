// A snippet with its copy button: comments are quiet, the name of the secret stands out.

import { html } from '../dom.js';
import { copyButton } from './copy.js';

const SECRET = /\$\{\{ secrets\.TESTKASE_PAT \}\}|\$\(TESTKASE_PAT\)|\$?TESTKASE_PAT|testkase-pat/g;

/** @param {string} line */
function parts(line) {
  if (/^\s*(#|\/\/) /.test(line)) return [html`<span class="comment">${line}</span>`];
  const found = [];
  let last = 0;
  for (const match of line.matchAll(SECRET)) {
    found.push(line.slice(last, match.index), html`<span class="secret">${match[0]}</span>`);
    last = match.index + match[0].length;
  }
  return [...found, line.slice(last)];
}

/** @param {string} code @param {string} name of the copy button */
export function codeBlock(code, name) {
  const lines = code.split('\n').flatMap((line, i) => [...(i ? ['\n'] : []), ...parts(line)]);
  return html`<div class="code">
    <pre tabindex="0" role="region" aria-label="Code"><code>${lines}</code></pre>
    ${copyButton({ text: () => code, name })}
  </div>`;
}
