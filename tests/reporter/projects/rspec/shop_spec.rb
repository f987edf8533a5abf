RSpec.describe 'shop' do
  it('passes [48271]') { expect(1).to eq 1 }
  it('fails [48272]') { expect(1).to eq 2 }
  it('breaks [48273]') { raise 'no database' }
  xit('skipped [48274]') { expect(1).to eq 2 }
  it('pending [48275]') { pending 'later'; expect(1).to eq 2 }
  it('pending that works [48276]') { pending 'later'; expect(1).to eq 1 }
  it 'not written [48277]'

  context 'with a broken set-up' do
    before { raise 'no server' }
    it('is not reached [48278]') { expect(1).to eq 1 }
  end

  context 'with a broken set-up of all' do
    before(:all) { raise 'no server' }
    it('is not reached either [48279]') { expect(1).to eq 1 }
    it('nor this [48280]') { expect(1).to eq 1 }
  end

  context 'with a broken tear-down' do
    after { raise 'no server' }
    it('ends badly [48281]') { expect(1).to eq 1 }
  end
end
