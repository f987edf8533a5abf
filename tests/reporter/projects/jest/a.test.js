describe('outer [00009]', () => {
  test('passes [48271]', () => {});
  test('fails [48272]', () => { expect(1).toBe(2); });
  test.skip('skipped [48273]', () => {});
  test.todo('todo [48274]');
  test.each([1,2])('param %i [48275]', (n) => { expect(n).toBe(1); });
});
