// The frame of all views: where one is, whether the server answers, and the view itself.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { connection, giveKey, keyWanted } from "./api";
import { loadModels, models, modelsFailure } from "./models";
import { link, route, type View, VIEWS } from "./route";
import { storageFailure, stored } from "./stored";
import { ChatView } from "./views/chat";
import { CompareView } from "./views/compare";
import { CompletionView } from "./views/completion";
import { RankView } from "./views/rank";
import { RunsView } from "./views/runs";
import { TreeView } from "./views/tree";

const TITLES: Record<View, string> = {
  tree: "Tree", chat: "Chat", compare: "Compare", completion: "Completion", runs: "Runs", rank: "Rank",
};
const DRAWN: Record<View, () => preact.JSX.Element> = {
  tree: TreeView, chat: ChatView, compare: CompareView, completion: CompletionView, runs: RunsView, rank: RankView,
};

const scheme = stored<"light dark" | "light" | "dark">("scheme", "light dark");

function Scheme() {
  useEffect(() => { document.documentElement.style.colorScheme = scheme.value; }, [scheme.value]);
  return (
    <select aria-label="Colours" value={scheme.value}
      onChange={(e) => { scheme.value = e.currentTarget.value as typeof scheme.value; }}>
      <option value="light dark">auto</option><option value="light">light</option><option value="dark">dark</option>
    </select>
  );
}

function KeyForm() {
  const text = useSignal("");
  return (
    <form class="notice" onSubmit={(e) => { e.preventDefault(); giveKey(text.value); }}>
      <label>This server wants a key:{" "}
        <input type="password" autocomplete="off" value={text.value} onInput={(e) => { text.value = e.currentTarget.value; }} />
      </label>{" "}
      <button type="submit">Use it</button>
    </form>
  );
}

function Notices() {
  return (
    <div aria-live="polite">
      {connection.value === "lost" && <p class="notice warning">The server does not answer; trying again. Nothing on this page is lost.</p>}
      {keyWanted.value && <KeyForm />}
      {storageFailure.value && <p class="notice warning">{storageFailure.value}</p>}
      {modelsFailure.value && !keyWanted.value && connection.value === "up" && <p class="notice warning">{modelsFailure.value}</p>}
    </div>
  );
}

export function App() {
  useEffect(() => void loadModels(), []);
  const { view } = route.value;
  useEffect(() => { document.title = `${TITLES[view]} · Lineage`; }, [view]);
  const Drawn = DRAWN[view];
  return (
    <div class="app">
      <header class="bar-top">
        <a class="skip" href="#content" onClick={(e) => { e.preventDefault(); document.getElementById("content")?.focus(); }}>Skip to the content</a>
        <span class="brand">Lineage</span>
        <nav aria-label="Views">
          {VIEWS.map((v) => <a key={v} href={link(v)} aria-current={v === view ? "page" : undefined}>{TITLES[v]}</a>)}
        </nav>
        <Scheme />
      </header>
      <Notices />
      <main id="content" tabIndex={-1} class={`view view-${view}`}>
        <h1 class="visually-hidden">{TITLES[view]}</h1>
        {models.value ? <Drawn /> : <p class="muted">{modelsFailure.value ? "" : "Reading which models there are …"}</p>}
      </main>
    </div>
  );
}
