// Draws the page from /openapi.json. Text of the document is inserted as text, never as markup.

const ACCESS = { anyone: 'Anyone', caller: 'Token or session', org_admin: 'Organization’s owner and admins' };
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const LARGEST = 2 ** 53;      // numbers beyond it are a limit of the format, not of the call

let api;

/** An element with attributes and children. Strings become text; other values that are not elements are ignored. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat(Infinity).filter((child) => child instanceof Node || (typeof child === 'string' && child)));
  return element;
}

const code = (text) => make('code', {}, String(text));
const link = (target, text) => make('a', { href: `#${target}` }, text);

/** A text of the document: paragraphs at blank lines, code between backticks. */
function inline(text = '') {
  return text.split('`').map((part, index) => (index % 2 ? code(part) : part));
}
function paragraphs(text = '') {
  return text.split('\n\n').map((paragraph) => make('p', {}, inline(paragraph)));
}

const nameOf = (reference) => reference.split('/').at(-1);
function resolve(value) {
  if (!value?.$ref) return value;
  const target = value.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/')], api);
  return { ...target, ...value, $ref: undefined };
}

function join(items, between = ', ') {
  return items.flatMap((item, index) => (index ? [between, item] : [item]));
}

/** "1 to 200", "at most 64", or nothing. */
function range(least, most, unit = '') {
  const bounded = most !== undefined && most < LARGEST;
  if (bounded && least !== undefined) return `${least} to ${most}${unit}`;
  if (bounded) return `at most ${most}${unit}`;
  return '';
}

/** A schema in words, with links to objects. */
function typeOf(schema) {
  if (schema.$ref && api.components.schemas[nameOf(schema.$ref)]?.type === 'object') {
    return [link(`object-${nameOf(schema.$ref)}`, nameOf(schema.$ref))];
  }
  const full = resolve(schema);
  if (full.anyOf) return join(full.anyOf.map(typeOf), ' or ');
  if (full.const !== undefined) return [code(full.const)];
  if (full.enum) return full.enum.length > 12 ? ['a code'] : join(full.enum.map(code));
  const types = [full.type].flat();
  return join(types.map((type) => typeInWords(type, full)), ' or ');
}
function typeInWords(type, schema) {
  if (type === 'array') return ['list of ', typeOf(schema.items)];
  if (type === 'integer') {
    const limits = range(schema.minimum, schema.maximum);
    return ['number', limits && `, ${limits}`];
  }
  if (type !== 'string') return [String(type)];
  const length = range(schema.minLength, schema.maxLength, ' characters');
  return [schema.format === 'date-time' ? 'time' : 'text', length && `, ${length}`];
}

const typeCell = (schema) => [make('span', { class: 'type' }, typeOf(schema)),
  resolve(schema).default !== undefined && [', unless given: ', code(resolve(schema).default)]];
const meaning = (text) => text && make('p', {}, inline(text));

function row(id, name, small, ...about) {
  return make('div', id ? { id } : {}, make('dt', {}, name, small && make('small', {}, small)), make('dd', {}, about));
}
const rows = (list) => make('dl', { class: 'rows' }, list);

function members(schema) {
  const required = schema.required ?? [];
  return rows(Object.entries(schema.properties).map(([name, member]) =>
    row('', code(name), required.includes(name) ? '' : 'optional', typeCell(member), meaning(resolve(member).description))));
}

function pre(label, text) {
  return make('pre', { tabindex: 0, role: 'region', 'aria-label': label }, make('code', {}, text));
}
const json = (value) => JSON.stringify(value, null, 2);

function exampleOf(media) {
  return media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
}

/* --- one operation --- */

function parametersOf(path, operation) {
  return [...(api.paths[path].parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
}
function parameters(path, operation) {
  const list = parametersOf(path, operation);
  if (!list.length) return null;
  return [make('h4', {}, 'Parameters'), rows(list.map((one) =>
    row('', code(one.name), `in the ${one.in}${one.required ? '' : ', optional'}`, typeCell(one.schema),
      meaning(one.description))))];
}

const FORM = 'application/x-www-form-urlencoded';
/** [media type, what the document says of it], or [] of a call that takes no body. */
const bodyOf = (operation) => Object.entries(operation.requestBody?.content ?? {})[0] ?? [];

function body(operation) {
  const [type, media] = bodyOf(operation);
  if (!media) return null;
  const most = operation['x-body-max'];
  const size = most < 2 ** 20 ? `${most / 1024} KiB` : `${most / 2 ** 20} MiB`;
  return [make('h4', {}, 'Body'), make('p', { class: 'note' }, `${type === FORM ? 'A form' : 'JSON'}, at most ${size}.`),
    members(resolve(media.schema))];
}

const takesToken = (operation) => (operation.security ?? api.security).some((one) => one.bearer);
function access(operation) {
  const least = operation['x-access'];
  return least === 'caller' && !takesToken(operation) ? 'Session' : ACCESS[least];
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
function curl(method, path, operation) {
  const [type, media] = bodyOf(operation);
  const given = exampleOf(media);
  const parts = ['curl'];
  if (method !== 'get' && !(given && method === 'post')) parts.push(`-X ${method.toUpperCase()}`);
  if (takesToken(operation)) parts.push('-H "Authorization: Bearer $TOKEN"');
  else if (operation['x-access'] !== 'anyone') parts.push('-b "testkase_session=$SESSION"', "-H 'Sec-Fetch-Site: same-origin'");
  if (given && type === FORM) {
    parts.push(...Object.entries(given).map((field) => `--data-urlencode ${quote(field.join('='))}`));
  }
  if (given && type !== FORM) parts.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(given))}`);
  const filled = parametersOf(path, operation).reduce((at, one) => at.replace(`{${one.name}}`, one.example), path);
  parts.push(quote(location.origin + filled));
  const line = parts.join(' ');
  return line.length < 90 ? line : parts.join(' \\\n  ').replace('curl \\\n  ', 'curl ');
}

function codesOf(answer) {
  const schema = answer.content?.['application/problem+json']?.schema.properties.code;
  return schema ? schema.enum ?? [schema.const] : [];
}

function bodyType([name, media]) {
  return [' ', media.schema.$ref ? typeOf(media.schema) : make('span', { class: 'note' }, name)];
}
function answerRow(status, given) {
  const answer = resolve(given);
  const isGood = status < 400;
  const codes = codesOf(answer).map((name) => link(`problem-${name}`, code(name)));
  return row('', [make('strong', {}, status), isGood && Object.entries(answer.content ?? {}).map(bodyType)], '',
    meaning(answer.description), codes.length > 0 && make('div', { class: 'codes' }, codes), isGood && fieldsOf(answer));
}
function fieldsOf(answer) {
  const own = Object.keys(answer.headers ?? {}).filter((name) => !COMMON_FIELDS.has(name));
  return own.length ? make('div', { class: 'codes note' }, 'Fields: ', own.map((name) => link(`field-${name}`, name))) : null;
}
const COMMON_FIELDS = new Set(['X-Request-Id', 'X-Content-Type-Options', 'Cache-Control', 'Strict-Transport-Security']);

/** Answers that every call may give are folded, so that the call's own answers stand out. */
function answers(operation, everywhere) {
  const all = Object.entries(operation.responses);
  const usual = all.filter(([status, answer]) => everywhere.has(`${status} ${answer.$ref}`));
  const own = all.filter((entry) => !usual.includes(entry));
  const good = own.map(([, answer]) => exampleOf(answer.content?.['application/json'])).find((example) => example !== undefined);
  const statuses = usual.map(([status]) => status).join(', ');
  const inRows = (list) => rows(list.map(([status, answer]) => answerRow(status, answer)));
  return [make('h4', {}, 'Answers'), inRows(own),
    usual.length > 0 && make('details', { class: 'more' }, make('summary', {}, `Usual refusals: ${statuses}`), inRows(usual)),
    good !== undefined && make('details', { class: 'more' }, make('summary', {}, 'An answer'), pre(`An answer: ${operation.summary}`, json(good)))];
}

function operationSection({ path, method, operation }, everywhere) {
  return make('section', { class: 'operation', id: operation.operationId, 'aria-labelledby': `${operation.operationId}-title` },
    make('h3', { id: `${operation.operationId}-title` }, operation.summary),
    make('div', { class: 'call' },
      make('code', { class: 'method' }, operation['x-any-method'] ? 'any method' : method.toUpperCase()), code(path),
      make('span', { class: 'access' }, access(operation))),
    paragraphs(operation.description), parameters(path, operation), body(operation),
    make('h4', {}, 'With curl'), pre(`With curl: ${operation.summary}`, curl(method, path, operation)), answers(operation, everywhere));
}

/* --- the page --- */

function operations() {
  return Object.entries(api.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method])
    .map((method) => ({ path, method, operation: item[method] })));
}

const USUAL = ['400 BadBody', '400 BadRequest', '401 Unauthenticated', '413 PayloadTooLarge', '415 UnsupportedMediaType',
  '429 RateLimited', '500 InternalError'];
const keysOf = (operation) => new Set(Object.entries(operation.responses).map(([status, answer]) => `${status} ${answer.$ref}`));

/** Answers that every operation has, or every one with credentials or a body, as "401 #/components/responses/…". */
function sharedAnswers(list) {
  const sets = list.map(({ operation }) => keysOf(operation));
  const shared = new Set(USUAL.map((one) => one.replace(' ', ' #/components/responses/')));
  for (const one of sets[0]) if (!one.endsWith('undefined') && sets.every((set) => set.has(one))) shared.add(one);
  return shared;
}

function objects() {
  const shown = Object.entries(api.components.schemas).filter(([, schema]) => schema.type === 'object');
  return make('section', { class: 'group' }, make('h2', { id: 'objects' }, 'Objects'), shown.map(([name, schema]) =>
    make('section', { class: 'operation', id: `object-${name}` },
      make('h3', {}, name), meaning(schema.description), members(schema))));
}

function problems() {
  return make('section', { class: 'group' }, make('h2', { id: 'problems' }, 'Problem codes'),
    make('p', {}, 'Every refusal is a ', link('object-Problem', 'Problem'), '. Scripts should check its code.'),
    rows(Object.entries(api.components.schemas.ProblemCode['x-problems']).map(([name, problem]) =>
      row(`problem-${name}`, code(name), `${problem.status} ${problem.title}`, inline(problem.description)))));
}

function fields() {
  return make('section', { class: 'group' }, make('h2', { id: 'fields' }, 'Header fields'),
    make('p', {}, 'Header fields of answers. A call lists only the fields that not every answer has.'),
    rows(Object.entries(api.components.headers).map(([name, field]) =>
      row(`field-${name}`, code(name), '', typeCell(field.schema), meaning(field.description)))));
}

function group(tag, list, everywhere) {
  return make('section', { class: 'group' }, make('h2', {}, tag.name), make('p', {}, inline(tag.description)),
    list.filter(({ operation }) => operation.tags.includes(tag.name)).map((one) => operationSection(one, everywhere)));
}

function callLink({ method, operation }) {
  return make('li', {}, make('a', { href: `#${operation.operationId}` },
    make('span', { class: 'method' }, operation['x-any-method'] ? 'any' : method.toUpperCase()),
    make('span', {}, operation.summary)));
}
function referenceLink([id, name]) {
  return make('li', {}, make('a', { class: 'plain', href: `#${id}` }, name));
}
function contents(list) {
  const calls = api.tags.map((tag) => [make('h2', {}, tag.name),
    make('ul', {}, list.filter(({ operation }) => operation.tags.includes(tag.name)).map(callLink))]);
  const reference = [['objects', 'Objects'], ['problems', 'Problem codes'], ['fields', 'Header fields']];
  return [calls, make('h2', {}, 'Reference'), make('ul', {}, reference.map(referenceLink))];
}

/** Marks the section that is being read. */
function followReader() {
  const links = new Map([...document.querySelectorAll('#contents a')].map((one) => [one.hash.slice(1), one]));
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      document.querySelector('#contents [aria-current]')?.removeAttribute('aria-current');
      links.get(target.id).setAttribute('aria-current', 'true');
    }
  }, { rootMargin: '0px 0px -80% 0px' });
  for (const id of links.keys()) observer.observe(document.getElementById(id));
}

/** The contents are folded where they stand above the text. */
function foldContents() {
  const box = document.querySelector('.contents');
  const wide = matchMedia('(width >= 56rem)');
  const fold = () => { box.open = wide.matches; };
  fold();
  wide.addEventListener('change', fold);
  box.addEventListener('click', (event) => { if (event.target.closest('a')) fold(); });
}

function draw() {
  const list = operations();
  const everywhere = sharedAnswers(list);
  document.title = `${api.info.title} ${api.info.version}`;
  document.getElementById('introduction').replaceChildren(...paragraphs(api.info.description));
  document.getElementById('contents').replaceChildren(...contents(list).flat(Infinity));
  document.getElementById('operations').replaceChildren(
    ...api.tags.map((tag) => group(tag, list, everywhere)), objects(), problems(), fields());
  followReader();
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

const state = document.getElementById('state');
foldContents();
try {
  const response = await fetch('/openapi.json');
  if (!response.ok) throw new Error(`status ${response.status}`);
  api = await response.json();
  draw();
} catch (error) {
  state.textContent = `The document could not be read (${error.message}). Reload the page to try again.`;
}
