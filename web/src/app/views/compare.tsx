export function CompareView() {
  return <p class="muted">Compare</p>;
}
