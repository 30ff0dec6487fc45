export function CompletionView() {
  return <p class="muted">Completion</p>;
}
