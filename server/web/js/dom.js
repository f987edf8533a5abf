// DOM helpers. `html` parses only the literal parts of a template; values are set afterwards as text,
// attributes, properties or listeners, so a name such as `<img onerror=…>` never becomes markup. This is the
// only module that may touch innerHTML. The CSP forbids `style="…"`; `--name=${value}` sets a custom property
// instead.
//
// Elements are typed `any`: which element a selector or a template gives is visible where it is written.

/** @import { Content } from './types.js' */

const SPRITE = new URL('../icons.svg', import.meta.url).pathname;
const SVG = 'http://www.w3.org/2000/svg';
const MARK = /§(\d+)§/;

/** @type {WeakMap<TemplateStringsArray, HTMLTemplateElement>} */
const compiled = new WeakMap();

// Only this policy makes markup, and only of literals, where the browser enforces Trusted Types.
const policy = /** @type {any} */ (window).trustedTypes?.createPolicy('literals', {
  createHTML: (/** @type {string} */ text) => text,
});

/** @param {TemplateStringsArray} strings */
function compile(strings) {
  let source = strings[0];
  for (let i = 1; i < strings.length; i++) {
    const insideTag = source.lastIndexOf('<') > source.lastIndexOf('>');
    source += (insideTag ? `§${i - 1}§` : `<!--§${i - 1}§-->`) + strings[i];
  }
  // Whitespace inside means what it means in HTML; around the whole it only belongs to the source.
  source = source.trim();
  const template = document.createElement('template');
  template.innerHTML = policy ? policy.createHTML(source) : source;
  return template;
}

/** @param {any} element @param {string} name @param {any} value */
function setAttribute(element, name, value) {
  const bare = name.slice(1);
  if (name.startsWith('@')) {
    if (value) element.addEventListener(bare, value);
  } else if (name.startsWith('?')) element.toggleAttribute(bare, Boolean(value));
  else if (name.startsWith('--')) element.style.setProperty(name, value);
  else if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : value);
}

/** @param {Element} element @param {unknown[]} values */
function fillAttributes(element, values) {
  for (const { name, value } of [...element.attributes]) {
    const parts = value.split(MARK);
    if (parts.length === 1 && !name.startsWith('--')) continue;
    if ('@?-'.includes(name[0])) element.removeAttribute(name);
    const whole = parts.length === 3 && !parts[0] && !parts[2];
    const text = parts.map((part, i) => (i % 2 ? (values[Number(part)] ?? '') : part)).join('');
    setAttribute(element, name, whole ? values[Number(parts[1])] : text);
  }
}

/** @param {DocumentFragment} fragment @param {unknown[]} values */
function fill(fragment, values) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_COMMENT);
  /** @type {[Comment, any][]} */
  const holes = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node instanceof Element) fillAttributes(node, values);
    else if (node instanceof Comment) {
      const hole = node.data.match(MARK);
      if (hole) holes.push([node, values[Number(hole[1])]]);
    }
  }
  for (const [comment, value] of holes) comment.replaceWith(...nodes(value));
}

/**
 * @param {Content} value
 * @returns {(Node | string)[]}
 */
function nodes(value) {
  if (value === null || value === undefined || typeof value === 'boolean') return [];
  if (Array.isArray(value)) return value.flatMap(nodes);
  return [typeof value === 'number' ? String(value) : value];
}

/**
 * One root element comes back as that element, several as a fragment. In attributes, `@event=` takes a
 * listener, `?name=` a condition, `--name=` a custom property; null, undefined and false leave an attribute
 * out.
 * @param {TemplateStringsArray} strings
 * @param {...any} values
 * @returns {any}
 */
export function html(strings, ...values) {
  const template = compiled.get(strings) ?? compile(strings);
  compiled.set(strings, template);
  const fragment = document.importNode(template.content, true);
  fill(fragment, values);
  return fragment.childNodes.length === 1 && fragment.firstElementChild
    ? fragment.firstElementChild
    : fragment;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {...Content} children
 * @returns {any}
 */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children.flatMap(nodes));
  return element;
}

/**
 * A symbol of icons.svg (icons.txt lists them). Decorative; words beside it carry the meaning.
 * @param {string} name
 * @param {string} [className]
 */
export const icon = (name, className = '') =>
  svg(
    'svg',
    { class: `icon ${className}`.trim(), 'aria-hidden': 'true' },
    svg('use', { href: `${SPRITE}#${name}` }),
  );

/**
 * A name that a person chose: its direction is isolated and found by the browser.
 * @param {string} text
 */
export const name = (text) => html`<bdi class="name" dir="auto">${text}</bdi>`;

/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any}
 */
export const $ = (selector, root = document) => root.querySelector(selector);

/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any[]}
 */
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

let serial = 0;

/** An id for labels and descriptions. @param {string} prefix */
export const uid = (prefix) => `${prefix}-${++serial}`;

/**
 * Says something to screen readers without moving focus. Inside a modal dialog only its own region is heard.
 * @param {string} text
 * @param {ParentNode} [root]
 */
export function announce(text, root = document) {
  const region = $('[data-live]', root) ?? $('#live');
  region.textContent = '';
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}
