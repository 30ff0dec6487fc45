export function RunsView() {
  return <p class="muted">Runs</p>;
}
