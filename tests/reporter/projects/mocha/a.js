const assert = require('assert');
describe('outer [00009]', function () {
  it('passes [48271]', () => {});
  it('fails [48272]', () => assert.equal(1, 2));
  it.skip('skipped [48273]', () => {});
  let n = 0;
  it('flaky [48275]', function () { this.retries(2); assert(n++ > 0); });
  describe('hook', () => {
    before(() => { throw new Error('no database'); });
    it('never [48274]', () => {});
  });
});
