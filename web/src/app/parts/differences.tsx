// The items of an ability on which two nodes differ, with both answers side by side.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getJson, reason } from "../api";
import { modelOf } from "../models";
import { link } from "../route";
import { significant } from "../../format";
import { type ComparedAnswer, type Difference, type Differences, query, type Tree } from "../trees";

type Which = "gained" | "lost";
const PAGE = 10;

/** The served id of a node of a seed; null: it is not served. */
function servedId(tree: Tree, node: string, seed: number): string | null {
  return tree.nodes.find((n) => n.name === node)?.seeds.find((s) => s.seed === seed)?.model ?? null;
}

function Ask({ model, prompt }: { model: string | null; prompt: string }) {
  if (model === null) return <p class="muted small">not served: it has no tokenizer</p>;
  const can = modelOf(model)?.capabilities ?? [];
  const view = can.includes("chat") ? "chat" : "completion";
  return <p class="small"><a class="ask" href={link(view, { model, prompt })}>Ask {model} something similar</a></p>;
}

function Answer({ node, answer, model, prompt }: { node: string; answer: ComparedAnswer; model: string | null; prompt: string }) {
  return (
    <article class="answer">
      <h5>{node}
        {answer.right === null ? <span class="mark">score {significant(answer.score)}</span>
          : <span class={`mark ${answer.right ? "right" : "wrong"}`}>{answer.right ? "✓ right" : "✗ wrong"}</span>}
      </h5>
      <pre>{answer.text.trim() === "" ? <em>(nothing)</em> : answer.text.replace(/^\n+/, "")}</pre>
      <Ask model={model} prompt={prompt} />
    </article>
  );
}

function Item({ tree, from, node, seed, difference: d }: { tree: Tree; from: string; node: string; seed: number; difference: Difference }) {
  const parent = servedId(tree, from, seed), child = servedId(tree, node, seed);
  const prompt = d.prompt.trim();
  return (
    <li class="difference" data-item={d.item}>
      <div class="prompt">
        <h5>Prompt</h5>
        {prompt ? <pre>{d.prompt}</pre> : <p class="muted">none: the model chooses between whole texts</p>}
        {d.wanted && <><h5>Wanted</h5><pre class="wanted">{d.wanted}</pre></>}
        {parent && child && prompt && <p class="small"><a class="ask" href={link("compare", { models: `${parent},${child}`, prompt: d.prompt })}>Compare both</a></p>}
      </div>
      <div class="answers">
        <Answer node={from} answer={d.from} model={parent} prompt={d.prompt} />
        <Answer node={node} answer={d.node} model={child} prompt={d.prompt} />
      </div>
    </li>
  );
}

export function DifferencesOf({ tree, node, from, ability }: { tree: Tree; node: string; from: string; ability: string }) {
  const which = useSignal<Which>("gained");
  const found = useSignal<Differences | null>(null);
  const failure = useSignal("");
  const load = async (offset: number, signal?: AbortSignal) => {
    try {
      const page = await getJson<Differences>(`/v1/lineage/differences?${query({ run: tree.run, tree: tree.tree, node, from, ability, which: which.value, offset, limit: PAGE })}`, signal);
      found.value = offset ? { ...page, items: [...(found.value?.items ?? []), ...page.items] } : page;
      failure.value = "";
    } catch (error) {
      if (!signal?.aborted) failure.value = reason(error);
    }
  };
  useEffect(() => {
    const abort = new AbortController();
    found.value = null;
    void load(0, abort.signal);
    return () => abort.abort();
  }, [tree.run, tree.tree, node, from, ability, which.value]);
  if (failure.value) return <p class="notice warning" role="alert">{failure.value}</p>;
  const d = found.value;
  const choice = (name: Which, text: string, n: number | undefined) => (
    <button type="button" aria-pressed={which.value === name} onClick={() => { which.value = name; }}>{text}{n === undefined ? "" : `: ${n}`}</button>
  );
  return (
    <div class="differences">
      <h4>The items on which they differ</h4>
      <div class="choice" role="group" aria-label="Which items">
        {choice("gained", "gained", d?.gained)}{choice("lost", "lost", d?.lost)}
      </div>
      {!d ? <p class="muted">Reading the answers …</p> : <>
        <p class="muted small">{d.same} scored the same{d.unscored > 0 && `; ${d.unscored} are judged together, not one by one`}. Seed {d.seed}.</p>
        {d.items.length === 0 ? <p class="muted">No item was {which.value}.</p>
          : <ol class="difference-list">{d.items.map((i) => <Item key={i.item} tree={tree} from={from} node={node} seed={d.seed} difference={i} />)}</ol>}
        {d.items.length < d.total && <button type="button" onClick={() => void load(d.items.length)}>Show more ({d.total - d.items.length} left)</button>}
      </>}
    </div>
  );
}
