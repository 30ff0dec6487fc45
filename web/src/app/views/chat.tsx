export function ChatView() {
  return <p class="muted">Chat</p>;
}
