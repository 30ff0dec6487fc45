// The family tree and the abilities of a tree, as in its report; what each stage gave and took, down
// to the items and answers behind it.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { commonDomain, panel } from "../../components/edges";
import { explanation } from "../../components/explanation";
import { glossary, stages } from "../../components/glossary";
import { heatmap } from "../../components/heatmap";
import { familyTree } from "../../components/tree";
import { h } from "../../dom";
import { signed } from "../../format";
import { mainParent } from "../../lineage";
import { type Edge, edges, type Report } from "../../report";
import { connection, reason } from "../api";
import { DifferencesOf } from "../parts/differences";
import { Drawing } from "../parts/dom";
import { go, link, route } from "../route";
import { loadReport, loadTrees, nothingGrown, type Tree, treeProblems, treeQuery, trees, treesFailure } from "../trees";

const MARKS: Record<string, string> = { better: "▲", worse: "▼", other: "◆" };

function chosenTree(all: Tree[]): Tree | undefined {
  const { query } = route.value;
  const named = all.find((t) => t.tree === query.get("tree") && (!query.has("run") || t.run === query.get("run")));
  return named ?? all.find((t) => t.nodes.some((n) => n.seeds.some((s) => s.status === "grown"))) ?? all[0];
}

function TreeChooser({ all, chosen }: { all: Tree[]; chosen: Tree }) {
  if (all.length < 2) return null;
  const several = new Set(all.map((t) => t.run)).size > 1;
  return (
    <p><label>Tree <select value={String(all.indexOf(chosen))} onChange={(e) => go("tree", treeQuery(all[Number(e.currentTarget.value)]!))}>
      {all.map((t, i) => <option key={i} value={String(i)}>{several ? `${t.tree}, ${t.run}` : t.tree}</option>)}
    </select></label></p>
  );
}

/** One line on what the report does not have yet. */
function Growing({ tree }: { tree: Tree }) {
  const states = tree.nodes.flatMap((n) => n.seeds);
  const unserved = states.filter((s) => s.status === "grown" && s.model === null).length;
  const unreadable = tree.nodes.flatMap((n) => n.seeds.filter((s) => s.status === "unreadable").map((s) => [n.name, s] as const));
  const left = states.filter((s) => s.status !== "grown" && s.status !== "unreadable").length;
  return <>
    {left > 0 && <p class="muted">{left} of {states.length} models are not grown yet: <a class="term" href={link("runs")}>Runs</a> shows them.</p>}
    {unreadable.map(([name, s]) => <p class="notice warning">{name}{tree.seeds.length > 1 && `, seed ${s.seed}`}: {s.problem}</p>)}
    {unserved > 0 && <p class="muted">{unserved} of the grown models {unserved === 1 ? "is" : "are"} not served: a model without a tokenizer can be given no prompt.</p>}
    {tree.problem && <p class="notice warning">{tree.problem}</p>}
  </>;
}

function Row({ tree, report, edge, row }: { tree: Tree; report: Report; edge: Edge; row: Edge["rows"][number] }) {
  const { ability, contrast } = row;
  const open = route.value.query.get("ability") === ability.id;
  const about = report.explanations.find((e) => e.ability === ability.id);
  const query = { ...treeQuery(tree), from: edge.parent, node: edge.child };
  return (
    <li class="edge-row" data-ability={ability.id}>
      <button type="button" class="opener" aria-expanded={open} onClick={() => go("tree", open ? query : { ...query, ability: ability.id })}>
        <span class="triangle" aria-hidden="true">{open ? "▾" : "▸"}</span>
        <span class="row-name">{ability.label}</span>
        <span class={`row-change ${contrast.change}`}>{MARKS[contrast.change] ?? ""} {signed(contrast.difference.value)}</span>
      </button>
      {open && <div class="row-open">
        {about && <Drawing draw={() => explanation(about)} inputs={[about]} />}
        <DifferencesOf tree={tree} node={edge.child} from={edge.parent} ability={ability.id} />
      </div>}
    </li>
  );
}

function Edges({ tree, report, chosen }: { tree: Tree; report: Report; chosen: Edge | undefined }) {
  const all = useMemo(() => edges(report), [report]);
  const child = report.nodes.find((n) => n.name === chosen?.child);
  if (all.length === 0) return <p class="empty">No child has been compared with its parent yet.</p>;
  return <>
    <p><label>Stage <select class="edge-choice" value={chosen ? String(all.findIndex((e) => e.parent === chosen.parent && e.child === chosen.child)) : ""}
      onChange={(e) => { const to = all[Number(e.currentTarget.value)]!; go("tree", { ...treeQuery(tree), from: to.parent, node: to.child }); }}>
      {!chosen && <option value="">choose one, here or in the drawing</option>}
      {all.map((e, i) => <option key={i} value={String(i)}>{e.kind === "control" ? `${e.child} against its control ${e.parent}` : `${e.parent} → ${e.child}`}</option>)}
    </select></label></p>
    {chosen && <>
      <Drawing draw={() => h("div", { class: "edges one" }, panel(chosen, child, commonDomain(all), false))} inputs={[chosen]} />
      <h3 class="rows-title">Ability by ability</h3>
      <ul class="edge-rows">{chosen.rows.map((row) => <Row key={row.ability.id} tree={tree} report={report} edge={chosen} row={row} />)}</ul>
    </>}
  </>;
}

/** The glossary's links would lead to another view: the address's fragment is the view. */
function followTerm(event: MouseEvent): void {
  const anchor = (event.target as Element).closest<HTMLAnchorElement>("a.term[href^='#term-']");
  if (!anchor) return;
  event.preventDefault();
  const to = document.getElementById(anchor.hash.slice(1));
  to?.closest("details")?.setAttribute("open", "");
  to?.setAttribute("tabindex", "-1");
  to?.focus();
  to?.scrollIntoView({ block: "center" });
}

function Drawn({ tree, report, whole }: { tree: Tree; report: Report; whole: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const all = useMemo(() => edges(report), [report]);
  const { query } = route.value;
  const chosen = all.find((e) => e.parent === query.get("from") && e.child === query.get("node"));
  const edgeNow = useRef(chosen);
  edgeNow.current = chosen;
  const choose = (parent: string, node: string, ability?: string) => {
    go("tree", { ...treeQuery(tree), from: parent, node, ...(ability ? { ability } : {}) });
    document.getElementById("edges")?.scrollIntoView({ block: "start" });
  };
  const cell = (node: string, ability: string) => {
    const parent = mainParent(report.nodes.find((n) => n.name === node)!);
    const head = report.abilities.find((a) => a.id === ability);
    if (parent !== undefined && head) choose(parent, node, head.of || head.id);
  };
  const marked = chosen && `${chosen.parent} ${chosen.child}`;
  useEffect(() => {
    for (const line of place.current!.querySelectorAll<SVGElement>(".tree path[data-edge]"))
      line.classList.toggle("chosen", line.dataset.edge === marked);
  }, [marked]);
  return (
    <div ref={place} onClick={followTerm}>
      <section id="tree" aria-labelledby="tree-title">
        <h2 id="tree-title">Family tree of {report.name}</h2>
        <p class="lead">Every model, what it grew from, and what it was trained on. A click on a line, or on a model, shows what that stage gave and took.</p>
        <Drawing draw={() => familyTree(report, { choose, chosen: (p, c) => edgeNow.current?.parent === p && edgeNow.current.child === c })} inputs={[report.nodes.length, tree.tree, tree.run, whole]} />
        <Drawing draw={() => stages(report)} inputs={[report.nodes.length, tree.tree, tree.run]} />
      </section>
      <section id="abilities" aria-labelledby="abilities-title">
        <h2 id="abilities-title">Abilities</h2>
        {whole ? <Drawing draw={() => heatmap(report, cell)} inputs={[report]} />
          : <p class="muted" role="status">The scores are being put together, which takes some seconds …</p>}
      </section>
      {whole && <section id="edges" aria-labelledby="edges-title">
        <h2 id="edges-title">What a stage gave, and what it took</h2>
        <Edges tree={tree} report={report} chosen={chosen} />
      </section>}
      <section aria-labelledby="glossary-title">
        <h2 id="glossary-title">Glossary</h2>
        <details><summary>The words of this page</summary><Drawing draw={glossary} inputs={[]} /></details>
      </section>
    </div>
  );
}

function Loaded({ tree }: { tree: Tree }) {
  const report = useSignal<{ report: Report; whole: boolean } | null>(null);
  const failure = useSignal("");
  const grown = tree.nodes.flatMap((n) => n.seeds).filter((s) => s.status === "grown").length;
  useEffect(() => {
    if (connection.value === "lost") return;
    const abort = new AbortController();
    failure.value = "";
    void (async () => {
      try {
        if (!report.value) {
          const bare = await loadReport(tree, false, abort.signal); // the tree at once
          if (abort.signal.aborted) return;
          report.value = { report: bare, whole: false };
        }
        const whole = await loadReport(tree, true, abort.signal);
        if (!abort.signal.aborted) report.value = { report: whole, whole: true };
      } catch (error) {
        if (!abort.signal.aborted) failure.value = nothingGrown(error) ? "" : reason(error);
      }
    })();
    return () => abort.abort();
  }, [tree.run, tree.tree, grown, connection.value === "lost"]);
  return <>
    <Growing tree={tree} />
    {failure.value && connection.value === "up" && <p class="notice warning" role="alert">{failure.value}</p>}
    {grown === 0 ? <p>No model of {tree.tree} is grown yet.</p>
      : report.value ? <Drawn tree={tree} report={report.value.report} whole={report.value.whole} />
      : !failure.value && <p class="muted">Reading the tree …</p>}
  </>;
}

export function TreeView() {
  useEffect(() => void loadTrees(), []);
  const all = trees.value;
  if (!all) return <p class="muted">{treesFailure.value || "Reading which trees there are …"}</p>;
  const chosen = chosenTree(all);
  return <>
    {treesFailure.value && <p class="notice warning">{treesFailure.value}</p>}
    {treeProblems.value.map((p) => <p class="notice warning">{p.problem}</p>)}
    {!chosen ? <p>None of the served paths is a run folder with a tree: <code>lineage serve RUN</code> shows the trees of a folder that <code>lineage grow</code> has made.</p>
      : <><TreeChooser all={all} chosen={chosen} /><Loaded key={`${chosen.run} ${chosen.tree}`} tree={chosen} /></>}
  </>;
}
