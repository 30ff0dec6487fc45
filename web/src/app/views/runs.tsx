// The trees of the served run folders while they grow: which nodes are grown, how far the others
// are, and the learning curves of any of them over each other.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { curveFigures, lineSample, type Look } from "../../components/curves";
import { healthPanel } from "../../components/health";
import { count, exact } from "../../format";
import type { Report } from "../../report";
import { learners } from "../../seeds";
import { connection, reason } from "../api";
import { Drawing } from "../parts/dom";
import { LiveDrawing } from "../parts/live";
import { link } from "../route";
import { stored } from "../stored";
import {
  keyOf, loadCurves, loadTrees, type NodeSeed, type Series, type SeriesCurves, type Tree, type TreeNode, treeProblems, treeQuery, trees, treesFailure,
} from "../trees";

const POLL_MS = 2000;
const MOST = 8; // curves over each other that can be told apart
const COLOURS = ["root", "tuned", "continued", "feedback"], DASHES = ["", "6 3"];

/** The nodes whose curves are shown, in the order in which they were chosen. */
const shown = stored<Series[]>("runs.shown", []);

const STATUS: Record<NodeSeed["status"], string> = {
  grown: "grown", growing: "growing", paused: "paused", waiting: "waiting", unreadable: "cannot be read",
};

function Progress({ state }: { state: NodeSeed }) {
  if (state.status === "waiting" || state.status === "unreadable") return null;
  const text = state.steps ? `step ${exact(state.step)} of ${exact(state.steps)}` : `step ${exact(state.step)}`;
  return <>
    {state.status !== "grown" && state.steps
      ? <progress max={state.steps} value={Math.min(state.step, state.steps)} aria-label="Progress" /> : null}
    <span class="muted steps">{text}{state.tokens > 0 && `, ${count(state.tokens)} tokens`}</span>
  </>;
}

function NodeRow({ tree, node, state }: { tree: Tree; node: TreeNode; state: NodeSeed }) {
  const series: Series = { run: tree.run, tree: tree.tree, node: node.name, seed: state.seed };
  const key = keyOf(series), on = shown.value.some((s) => keyOf(s) === key);
  const name = tree.seeds.length > 1 ? `${node.name}, seed ${state.seed}` : node.name;
  const toggle = () => { shown.value = on ? shown.value.filter((s) => keyOf(s) !== key) : [...shown.value, series]; };
  return (
    <tr data-node={node.name} data-seed={state.seed} data-status={state.status}>
      <td><input type="checkbox" aria-label={`Show the curves of ${name}`} checked={on}
        disabled={!on && (shown.value.length >= MOST || state.status === "waiting")} onChange={toggle} /></td>
      <th scope="row">{node.name}{node.control && <span class="muted"> control</span>}<div class="muted small">{node.title || node.stage}{node.parents.length > 0 && `, from ${node.parents.join(", ")}`}</div></th>
      {tree.seeds.length > 1 && <td>{state.seed}</td>}
      <td><span class={`status ${state.status}`}>{STATUS[state.status]}</span>
        {state.problem && <div class="small problem" role="alert">{state.problem}</div>}
        {state.status === "grown" && state.model === null && <div class="muted small">not served: it has no tokenizer</div>}</td>
      <td class="progress"><Progress state={state} /></td>
    </tr>
  );
}

function headline(tree: Tree): string {
  const states = tree.nodes.flatMap((n) => n.seeds), of = (s: NodeSeed["status"]) => states.filter((x) => x.status === s).length;
  const grown = `${of("grown")} of ${states.length} models grown`;
  if (tree.growing) return `${grown}, ${of("growing")} growing now`;
  if (of("waiting") + of("paused") > 0) return `${grown}; no process trains a model now: lineage grow goes on where it stopped`;
  return grown;
}

function TreeTable({ tree }: { tree: Tree }) {
  const several = new Set((trees.value ?? []).map((t) => t.run)).size > 1;
  const rows = tree.nodes.flatMap((node) => node.seeds.map((state) => ({ node, state })));
  const live = rows.filter(({ state }) => state.status !== "grown");
  const row = ({ node, state }: { node: TreeNode; state: NodeSeed }) => <NodeRow key={`${node.name} ${state.seed}`} tree={tree} node={node} state={state} />;
  return (
    <section class="run-tree" data-tree={tree.tree}>
      <h2><a href={link("tree", treeQuery(tree))}>{tree.tree}</a></h2>
      <p class="muted">{several && <>{tree.run} · </>}{headline(tree)}{!tree.measured && " · nothing is measured yet"}</p>
      {tree.problem && <p class="notice warning">{tree.problem}</p>}
      {rows.length === 0 ? <p class="muted">No node lies here yet.</p> : <details open={live.length > 0 || rows.length <= 20}>
        <summary>{tree.nodes.length} nodes, {tree.seeds.length} {tree.seeds.length === 1 ? "seed" : "seeds"}</summary>
        <div class="scroll" tabIndex={0} role="group" aria-label={`Nodes of ${tree.tree}`}><table class="plain">
          <thead><tr><th scope="col">curves</th><th scope="col">node</th>{tree.seeds.length > 1 && <th scope="col">seed</th>}<th scope="col">state</th><th scope="col">progress</th></tr></thead>
          <tbody>{rows.map(row)}</tbody>
        </table></div>
      </details>}
    </section>
  );
}

// --- curves --------------------------------------------------------------------------------------

/** The shortest name that tells a series from the others that are shown. */
function nameOf(series: Series, all: Series[]): string {
  const differ = (part: keyof Series) => new Set(all.map((s) => s[part])).size > 1;
  return [differ("run") ? series.run : "", differ("tree") ? series.tree : "", series.node].filter(Boolean).join("/") + (differ("seed") ? `, seed ${series.seed}` : "");
}

/** A report of the series alone, as nodes without parents, so that they start at the same point. */
function overlaid(all: SeriesCurves[]): Report {
  const names = all.map((s) => nameOf(s, all));
  const most = Math.max(1, ...all.flatMap((s) => [s.tokens, ...s.curves.map((c) => c.tokens[c.tokens.length - 1] ?? 0)]));
  const node = (s: SeriesCurves, i: number): Report["nodes"][number] => ({
    name: names[i]!, stage: s.stage, kind: s.kind || "base", title: s.title, about: "", parents: [], control: false, control_of: "",
    parameters: 0, layers: 0, width: 0, context: 0, tokens: most, steps: s.step, config: "", tokenizer: "", data: [], grown: [],
  });
  return {
    format: "lineage report", version: 3, name: "", created: "", code: "", recipe: "", runs: [], confidence: 0.95, seeds: [],
    nodes: all.map(node), abilities: [], explanations: [], scores: [], contrasts: [], edges: [],
    curves: all.flatMap((s, i) => s.curves.map((c) => ({ ...c, node: names[i]!, seed: s.seed }))),
    events: all.flatMap((s, i) => s.events.map((e) => ({ ...e, node: names[i]!, seed: s.seed }))),
    rewards: [], feedback: [], words: [], samples: [], notes: [],
  };
}

const lookOf = (i: number): Look => ({ colour: `var(--kind-${COLOURS[i % COLOURS.length]})`, dash: DASHES[Math.floor(i / COLOURS.length) % DASHES.length]! });

function Figures({ all, looks }: { all: SeriesCurves[]; looks: Map<string, Look> }) {
  const report = overlaid(all);
  const named = new Map(all.map((s) => [nameOf(s, all), looks.get(keyOf(s))!]));
  const policies = learners(report);
  const text = JSON.stringify([all, [...named]]);
  return <>
    <LiveDrawing inputs={[text]} draw={() => {
      const box = document.createElement("div");
      box.className = "curves";
      box.append(...curveFigures(report, null, { looks: named, axis: "tokens" }));
      return box;
    }} />
    {policies.size > 0 && <LiveDrawing inputs={[text]} draw={() => healthPanel(report, policies, named)} />}
  </>;
}

function Warnings({ series }: { series: SeriesCurves }) {
  return series.events.length > 0 ? <p class="small">{series.events.length} {series.events.length === 1 ? "warning" : "warnings"}, the last at step {series.events.at(-1)!.step}: {series.events.at(-1)!.text}</p> : null;
}

function Curves({ found, failures }: { found: Map<string, SeriesCurves>; failures: Map<string, string> }) {
  const looks = new Map(shown.value.map((s, i) => [keyOf(s), lookOf(i)]));
  const all = shown.value.flatMap((s) => found.get(keyOf(s)) ?? []);
  const drawn = all.filter((s) => s.curves.length > 0);
  return (
    <section class="run-curves" aria-labelledby="curves-title">
      <h2 id="curves-title">Learning curves</h2>
      {shown.value.length === 0 ? <p class="muted">Choose nodes in the column “curves”: those of several runs, nodes or seeds are laid over each other.</p>
        : <ul class="series">{shown.value.map((s) => {
          const key = keyOf(s), c = found.get(key), failure = failures.get(key);
          return (
            <li key={key} data-series={s.node}>
              <Drawing draw={() => lineSample(looks.get(key)!)} inputs={[looks.get(key)!.colour, looks.get(key)!.dash]} />
              <span>{nameOf(s, shown.value)}</span>{" "}
              <span class="muted">{c ? `${STATUS[c.status]}, step ${exact(c.step)}${c.steps ? ` of ${exact(c.steps)}` : ""}` : failure ? "" : "reading …"}</span>
              <button type="button" aria-label={`Leave out ${nameOf(s, shown.value)}`} onClick={() => { shown.value = shown.value.filter((o) => keyOf(o) !== key); }}>×</button>
              {failure && <p class="small problem" role="alert">{failure}</p>}
              {c?.problem && <p class="small problem">{c.problem}</p>}
              {c && !failure && c.curves.length === 0 && <p class="muted small">No step is measured yet.</p>}
              {c && <Warnings series={c} />}
            </li>
          );
        })}</ul>}
      {drawn.length > 0 && <Figures all={drawn} looks={looks} />}
    </section>
  );
}

/** Calls `load` now and every two seconds, as long as the page is seen and the server answers. */
function usePolling(load: () => Promise<void>, inputs: unknown[]): void {
  useEffect(() => {
    let ended = false, timer = 0;
    const again = async () => {
      clearTimeout(timer);
      if (ended || document.hidden) return; // goes on when the page is seen
      if (connection.value === "up") await load();
      if (!ended) timer = window.setTimeout(() => void again(), POLL_MS);
    };
    const seen = () => { if (!document.hidden) void again(); };
    document.addEventListener("visibilitychange", seen);
    void again();
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, inputs);
}

export function RunsView() {
  const found = useSignal(new Map<string, SeriesCurves>());
  const failures = useSignal(new Map<string, string>());
  const keys = shown.value.map(keyOf).join();
  usePolling(async () => {
    await loadTrees();
    const failed = new Map<string, string>();
    await Promise.all(shown.value.map(async (s) => {
      const key = keyOf(s);
      try {
        const now = await loadCurves(s);
        if (JSON.stringify(found.value.get(key)) !== JSON.stringify(now)) found.value = new Map(found.value).set(key, now);
      } catch (error) {
        if (connection.value === "up") failed.set(key, reason(error));
      }
    }));
    if (JSON.stringify([...failed]) !== JSON.stringify([...failures.value])) failures.value = failed;
  }, [keys]);
  const all = trees.value;
  if (!all) return <p class="muted">{treesFailure.value || "Reading which trees there are …"}</p>;
  return <>
    {treesFailure.value && <p class="notice warning">{treesFailure.value}</p>}
    {treeProblems.value.map((p) => <p key={p.run} class="notice warning">{p.problem}</p>)}
    {all.length === 0 && treeProblems.value.length === 0 && <p>None of the served paths is a run folder with a tree.</p>}
    {all.map((t) => <TreeTable key={`${t.run} ${t.tree}`} tree={t} />)}
    <Curves found={found.value} failures={failures.value} />
  </>;
}
