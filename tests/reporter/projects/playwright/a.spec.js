const { test, expect } = require('@playwright/test');
test.describe('outer [00009]', () => {
  test('passes [48271]', () => {});
  test('fails [48272]', () => { expect(1).toBe(2); });
  test.skip('skipped [48273]', () => {});
  test('flaky [48275]', ({}, info) => { expect(info.retry).toBe(1); });
  test('expected failure [48276]', () => { test.fail(); expect(1).toBe(2); });
  test('by annotation', { annotation: { type: 'id', description: '[48277]' }, tag: '@x' }, () => {});
});
test.describe.serial('serial', () => {
  test('first [48278]', () => { expect(1).toBe(2); });
  test('not run [48279]', () => {});
});
