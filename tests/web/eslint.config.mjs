// Style of server/web. Names and types are the type checker's affair (tsconfig.json).
import js from '@eslint/js';

const markup = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'setHTMLUnsafe', 'srcdoc', 'parseFromString'];
const onlyDom = 'Only dom.js makes markup, and only of literals.';

export default [
  { ...js.configs.recommended, files: ['**/*.js'] },
  {
    files: ['**/*.js'],
    rules: {
      'no-undef': 'off',
      'no-restricted-properties': [
        'error',
        ...markup.map((property) => ({ property, message: onlyDom })),
        { object: 'document', property: 'write', message: onlyDom },
        { object: 'document', property: 'writeln', message: onlyDom },
      ],
      'no-restricted-globals': ['error', 'eval', 'event', 'name'],
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-script-url': 'error',
      'no-console': ['error', { allow: ['error'] }],
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
      complexity: ['error', 15],
      'max-depth': ['error', 3],
      'max-lines': ['error', 200],
      'max-lines-per-function': ['error', 70],
      'max-params': ['error', 4],
    },
  },
  { files: ['**/platforms.js'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: ['**/dom.js'],
    rules: { 'no-restricted-properties': 'off' },
  },
];
