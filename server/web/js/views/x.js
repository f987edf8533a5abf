export function draw(parent) {
  parent.append('TestKase');
}
