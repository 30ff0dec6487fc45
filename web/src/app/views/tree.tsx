export function TreeView() {
  return <p class="muted">Tree</p>;
}
