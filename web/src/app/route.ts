// The view and what it was opened with are the address's fragment, "#/chat?model=chatgpt": every
// state that a click leads to can be linked to, and the browser's back button works.
import { signal } from "@preact/signals";

export const VIEWS = ["tree", "chat", "compare", "completion", "runs", "rank"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  query: URLSearchParams;
}

function read(): Route {
  const [, path = "", query = ""] = /^#\/([^?]*)\??(.*)$/.exec(location.hash) ?? [];
  const view = VIEWS.find((v) => v === path) ?? VIEWS[0];
  return { view, query: new URLSearchParams(query) };
}

export const route = signal(read());
addEventListener("hashchange", () => { route.value = read(); });

export function link(view: View, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString();
  return `#/${view}${text && `?${text}`}`;
}

export function go(view: View, query: Record<string, string> = {}): void {
  location.hash = link(view, query);
}
