// Abilities x nodes. A table, so that a screen reader can walk it; cells are coloured by skill: the
// way from chance to the best possible score.
import { choice, h, svg } from "../dom";
import { exact, pValue, signed, unsigned } from "../format";
import { kind, mainParent, measuredNodes, stageName } from "../lineage";
import {
  index, rows, type Ability, type Contrast, type Explanation, type Index, type Interval, type Node, type Report,
} from "../report";
import { describe, facts } from "../tooltip";
import { explanation } from "./explanation";
import { term } from "./glossary";

/** Called with the node and the row of a cell that was clicked, or on which Enter was pressed. */
export type ChooseCell = (node: string, ability: string) => void;

export type View = "score" | "change" | "likelihood";

const SLACK = 8; // of a table that is not worth scrolling
const COLUMN = 84;
const ARC_HEIGHT = 44;

/** A colour between three stops of the theme; t in [0, 1]. */
export function mix(t: number, stops: [string, string, string]): string {
  const [low, middle, high] = stops;
  const part = (x: number) => `${(100 * x).toFixed(1)}%`;
  return t < 0.5
    ? `color-mix(in oklab, var(${middle}) ${part(2 * t)}, var(${low}))`
    : `color-mix(in oklab, var(${high}) ${part(2 * t - 1)}, var(${middle}))`;
}

const SCORE: [string, string, string] = ["--heat-0", "--heat-1", "--heat-2"];
const BETTER: [string, string, string] = ["--heat-none", "--better-1", "--better-2"];
const WORSE: [string, string, string] = ["--heat-none", "--worse-1", "--worse-2"];
// Where on the ramp the ink turns over, in the light theme and in the dark one.
// Both inks have a contrast of about 4.5 there.
const INK_TURNS: Record<string, { light: number; dark: number }> = {
  "--heat-2": { light: 0.79, dark: 0.68 }, "--better-2": { light: 0.79, dark: 0.68 },
  "--worse-2": { light: 0.89, dark: 0.695 }, "--grade-2": { light: 0.8, dark: 0.658 },
};
const PLAIN_FROM = 0.45; // from here on a coloured mark would not be seen

const WEAK_MOST = 0.2; // what may be chance is not painted as if it were more

function paint(cell: HTMLElement, t: number, stops: [string, string, string]): void {
  cell.style.background = mix(t, stops);
  if (t >= PLAIN_FROM) cell.classList.add("deep");
  const ink = (from: number) => (t >= from ? "var(--strong-ink)" : "var(--ink)");
  const turns = INK_TURNS[stops[2]]!;
  if (t >= Math.min(turns.light, turns.dark)) cell.style.color = `light-dark(${ink(turns.light)}, ${ink(turns.dark)})`;
}

function range(x: Interval, digits = 2): string {
  return `${unsigned(x.value, digits)}  [${unsigned(x.low, digits)}, ${unsigned(x.high, digits)}]`;
}

const BEST: Record<Ability["better"], (a: Ability) => string | undefined> = {
  higher: () => undefined,
  lower: () => "the lower, the better",
  nearest: (a) => `nearest to ${unsigned(a.target ?? 0)}`,
  neither: () => "no value is better",
};

const MARK: Record<string, string> = { better: "▲", worse: "▼", other: "◆" };

function details(report: Report, look: Index, node: Node, ability: Ability): HTMLElement {
  const score = look.score(node.name, ability.id);
  const contrast = look.contrast(node.name, ability.id);
  const title = ability.of === "" ? ability.label : `${ability.ability} ${ability.name}`;
  const level = `${Math.round(100 * report.confidence)} % interval`;
  if (!score) return facts(title, [[node.name, "not evaluated"]]);
  if (!score.score)
    return facts(title, [[node.name, "not measurable here"], ["because", score.not_measurable]]);
  const d = contrast?.difference, several = report.seeds.length > 1;
  const ends = (i: Interval) => `${unsigned(i.low, 3)} to ${unsigned(i.high, 3)}`;
  return facts(title, [
    ["node", node.name],
    [ability.metric, `${unsigned(score.score.value, 3)}${ability.unit && ` ${ability.unit}`}`],
    ["best", BEST[ability.better](ability)],
    [level, `${ends(score.score)}${several ? ` over items and ${report.seeds.length} seeds` : " over items"}`],
    ["", several && score.items ? `${ends(score.items)} over items alone` : undefined],
    ["chance", ability.chance === null ? undefined
      : unsigned(ability.chance, 3) + (score.at_chance ? " (inside the interval)" : "")],
    ["log-likelihood", score.log_likelihood && ability.log_likelihood ? `${range(score.log_likelihood)} ${ability.log_likelihood}` : undefined],
    [`against ${contrast?.parent}`, d ? `${signed(d.value, 3)}  [${signed(d.low, 3)}, ${signed(d.high, 3)}], ${pValue(contrast.p)}` +
      (contrast.holm === null ? "" : `, after Holm ${pValue(contrast.holm)}`) : undefined],
    ["seeds", several ? score.per_seed.map((v) => (v === null ? "–" : unsigned(v))).join("  ") : undefined],
    ["items", `${exact(score.n)}${several ? " for each seed" : ""}`],
    ["in form", score.format === null ? undefined : unsigned(score.format)],
    ["prompting", score.prompting],
    ["note", score.not_measurable || undefined],
    ["scenario", ability.scenario],
  ]);
}

function changeMark(contrast: Contrast | undefined): HTMLElement | null {
  if (!contrast) return null;
  const mark = MARK[contrast.change];
  if (!mark) return h("span", { class: "delta open" }, "\u00a0");
  return h("span", { class: `delta ${contrast.change}` }, `${mark}${unsigned(Math.abs(contrast.difference.value))}`);
}

/** Share of [low, high] as a position along the cell's foot. */
function along(value: number, ability: Ability): string {
  const t = (value - ability.low) / (ability.high - ability.low || 1);
  return `${(100 * Math.min(1, Math.max(0, t))).toFixed(1)}%`;
}

function ruler(score: Interval, ability: Ability): HTMLElement {
  const left = along(score.low, ability), right = along(score.high, ability);
  return h("span", { class: "ruler", "aria-hidden": "true" },
    h("i", { class: "interval", style: `left:${left};right:calc(100% - ${right})` }),
    ability.chance !== null && h("i", { class: "chance", style: `left:${along(ability.chance, ability)}` }));
}

function cell(report: Report, look: Index, node: Node, ability: Ability, view: View,
              likelihoods: Map<string, [number, number]>): HTMLElement {
  const score = look.score(node.name, ability.id);
  const contrast = look.contrast(node.name, ability.id);
  const td = h("td", { tabindex: -1, "data-node": node.name, "data-ability": ability.id });
  if (!score) td.append(h("span", { class: "nothing" }, "·"));
  else if (!score.score) {
    td.className = "gated";
    td.append(h("span", { class: "visually-hidden" }, "not measurable here"));
  } else if (view === "change") {
    if (!contrast) td.append(h("span", { class: "nothing" }, mainParent(node) ? "·" : ""));
    else {
      const d = contrast.difference;
      const directed = contrast.change === "better" || contrast.change === "worse";
      paint(td, directed ? Math.min(1, Math.abs(d.value) / (0.6 * (ability.high - ability.low))) : 0,
        contrast.change === "worse" ? WORSE : BETTER);
      if (!(contrast.change in MARK)) td.classList.add("weak");
      td.append(h("span", { class: "value" }, signed(d.value)));
    }
  } else if (view === "likelihood") {
    const g = score.log_likelihood, span = likelihoods.get(ability.id);
    if (!g || !span) td.append(h("span", { class: "nothing" }, "·"));
    else {
      paint(td, span[1] > span[0] ? (g.value - span[0]) / (span[1] - span[0]) : 0, ["--heat-0", "--grade-1", "--grade-2"]);
      td.append(h("span", { class: "value" }, g.value.toFixed(2).replace("-", "\u2212")));
    }
  } else {
    const s = score.skill ?? 0;
    const weak = score.at_chance;
    if (weak) td.classList.add("weak");
    paint(td, weak ? Math.min(WEAK_MOST, Math.abs(s)) : Math.abs(s), s >= 0 ? SCORE : WORSE);
    td.append(h("span", { class: "value" }, unsigned(score.score.value)),
      changeMark(contrast) ?? h("span", { class: "delta" }, "\u00a0"), ruler(score.score, ability));
  }
  return describe(td, () => details(report, look, node, ability));
}

/** Arcs over the columns from each parent to its children. */
function arcs(order: Node[]): SVGSVGElement {
  const centre = new Map(order.map((n, i) => [n.name, (i + 0.5) * COLUMN]));
  const longest = Math.max(1, ...order.map((n, i) => {
    const j = order.findIndex((p) => p.name === mainParent(n));
    return j < 0 ? 0 : Math.abs(i - j);
  }));
  const paths = order.flatMap((node) => {
    const x2 = centre.get(node.name)!, x1 = centre.get(mainParent(node) ?? "");
    if (x1 === undefined) return [];
    const rise = 8 + ((ARC_HEIGHT - 14) * Math.abs(x2 - x1)) / COLUMN / longest;
    const y = ARC_HEIGHT - 4;
    return [svg("path", { d: `M${x1},${y} C${x1},${y - rise * 1.33} ${x2},${y - rise * 1.33} ${x2},${y}`,
      class: `kind-${kind(node)}`, "stroke-dasharray": node.control ? "3 3" : null })];
  });
  return svg("svg", { class: "arcs", viewBox: `0 0 ${order.length * COLUMN} ${ARC_HEIGHT}`,
    preserveAspectRatio: "none", "aria-hidden": "true" },
    ...paths, ...order.map((n) => svg("path", { d: `M${centre.get(n.name)!},${ARC_HEIGHT - 4}h0`, class: `node kind-${kind(n)}` })));
}

/** Arrow keys walk the cells; only one of them is a tab stop. */
function walkable(table: HTMLTableElement): void {
  const cells = () => [...table.tBodies[0]!.rows].map((r) => [...r.querySelectorAll<HTMLElement>("td[data-node]")])
    .filter((row) => row.length > 0);
  cells()[0]?.[0]?.setAttribute("tabindex", "0");
  table.addEventListener("keydown", (event) => {
    const step: Record<string, [number, number]> = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const [down, right] = step[event.key] ?? [0, 0];
    const from = (event.target as Element).closest("td");
    if (!from || (down === 0 && right === 0)) return;
    const grid = cells();
    const r = grid.findIndex((row) => row.includes(from)), c = grid[r]!.indexOf(from);
    const to = grid[r + down]?.[c + right];
    if (!to) return;
    event.preventDefault();
    from.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });
}

function key(view: View): HTMLElement {
  const ramp = (stops: [string, string, string]) =>
    `linear-gradient(in oklab to right, var(${stops[0]}), var(${stops[1]}), var(${stops[2]}))`;
  const swatch = (background: string) => h("span", { class: "ramp", style: `background:${background}`, "aria-hidden": "true" });
  const hatch = h("span", { class: "key-item" }, h("span", { class: "swatch gated", "aria-hidden": "true" }), "not measurable here");
  if (view === "change")
    return h("p", { class: "key" },
      h("span", { class: "key-item" }, "worse", swatch(`linear-gradient(in oklab to right, var(--worse-2), var(--worse-1), var(--heat-none), var(--better-1), var(--better-2))`), "better"),
      h("span", { class: "key-item" }, h("span", { class: "faint" }, "+.01"), "no significant change"), hatch);
  if (view === "likelihood")
    return h("p", { class: "key" }, h("span", { class: "key-item" }, "lowest in the row", swatch(ramp(["--heat-0", "--grade-1", "--grade-2"])), "highest in the row"), hatch);
  return h("p", { class: "key" },
    h("span", { class: "key-item" }, "below", swatch(`linear-gradient(in oklab to left, var(--heat-0), var(--worse-1))`), term("chance"), swatch(ramp(SCORE)), "best possible"),
    h("span", { class: "key-item" }, h("span", { class: "faint" }, ".05"), h("span", {}, term("interval"), " reaches chance")),
    h("span", { class: "key-item" }, h("span", { class: "delta better" }, "▲.12"), h("span", { class: "delta worse" }, "▼.08"), h("span", {}, "better, worse than the ", term("parent"))),
    h("span", { class: "key-item" }, h("span", { class: "delta other" }, "◆.10"), h("span", {}, "different, where neither is better")),
    h("span", { class: "key-item" }, h("span", { class: "ruler sample", "aria-hidden": "true" },
      h("i", { class: "interval", style: "left:45%;right:25%" }), h("i", { class: "chance", style: "left:12%" })), "interval and chance"),
    hatch);
}

/** A row's first cell; `toggle` opens and closes the rows below it, if there are any. */
function rowHead(ability: Ability, view: View, opens: boolean, open: boolean, toggle: () => void): HTMLElement {
  const title = view === "likelihood" ? ability.log_likelihood : ability.metric;
  if (ability.of !== "") return h("th", { scope: "row", class: "ability", title }, ability.name);
  const name = [h("span", { class: "id" }, ability.ability), " ", ability.name];
  return h("th", { scope: "row", class: "ability", title }, !opens ? h("span", {}, ...name)
    : h("button", { type: "button", class: "opener", "aria-expanded": String(open), onclick: toggle },
      h("span", { class: "triangle", "aria-hidden": "true" }, open ? "▾" : "▸"), h("span", {}, ...name)));
}

/** The meaning of a row, across the table; it stays in sight where the table scrolls. */
function lesson(about: Explanation, columns: number): HTMLTableRowElement {
  return h("tr", { class: "finer lesson" },
    h("td", { colspan: columns }, h("div", { class: "lesson-text" }, explanation(about))));
}

/** `open` holds the ids of the rows that are open: explained, with their finer rows. */
export function heatmapTable(report: Report, view: View, open = new Set<string>(), choose?: ChooseCell): HTMLElement {
  const look = index(report);
  const order = measuredNodes(report);
  const explanations = new Map(report.explanations.map((e) => [e.ability, e]));
  const likelihoods = new Map(report.abilities.map((a) => {
    const values = report.scores.flatMap((s) => (s.ability === a.id && s.log_likelihood ? [s.log_likelihood.value] : []));
    return [a.id, [Math.min(...values), Math.max(...values)] as [number, number]];
  }));
  const row = (a: Ability, head: HTMLElement) => h("tr", { class: a.of === "" ? "" : "finer" }, head,
    h("td", { class: "chance" }, view === "likelihood" || a.chance === null ? "" : unsigned(a.chance)),
    ...order.map((n) => cell(report, look, n, a, view, likelihoods)));
  const body = (head: Ability, finer: Ability[]): HTMLTableRowElement[] => {
    const toggle = () => {
      if (!open.delete(head.id)) open.add(head.id);
      first.querySelector<HTMLElement>(".opener")!.setAttribute("aria-expanded", String(open.has(head.id)));
      first.querySelector(".triangle")!.textContent = open.has(head.id) ? "▾" : "▸";
      if (open.has(head.id)) first.after(...below());
      else while (first.nextElementSibling?.classList.contains("finer")) first.nextElementSibling.remove();
    };
    const about = explanations.get(head.id);
    const below = () => [...(about ? [lesson(about, order.length + 2)] : []),
      ...finer.map((a) => row(a, rowHead(a, view, false, false, toggle)))];
    const first = row(head, rowHead(head, view, about !== undefined || finer.length > 0, open.has(head.id), toggle));
    return open.has(head.id) ? [first, ...below()] : [first];
  };
  const table = h("table", { class: "heatmap" },
    h("caption", { class: "visually-hidden" }, "Scores of every node in every ability"),
    h("colgroup", {}, h("col", { class: "ability" }), h("col", { class: "chance" }), ...order.map(() => h("col"))),
    h("thead", {},
      h("tr", { class: "arc-row" }, h("td", { colspan: 2 }), h("td", { colspan: order.length }, arcs(order))),
      h("tr", {},
        h("th", { scope: "col", class: "ability" }, "Ability"),
        h("th", { scope: "col", class: "chance" }, view === "likelihood" ? "" : "chance"),
        ...order.map((n) => h("th", { scope: "col", title: stageName(n), class: n.control ? "control" : "" },
          ...n.name.split(/(?<=-)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part])))))),
    h("tbody", {}, ...rows(report).flatMap(({ head, finer }) => body(head, finer))));
  walkable(table);
  if (choose) {
    table.classList.add("choosable");
    const call = (event: Event) => {
      const { node, ability } = (event.target as Element).closest<HTMLElement>("td[data-node]")?.dataset ?? {};
      if (node !== undefined && ability !== undefined) choose(node, ability);
    };
    table.addEventListener("click", call);
    table.addEventListener("keydown", (event) => { if (event.key === "Enter") call(event); });
  }
  const scroll = h("div", { class: "scroll", style: `--columns:${order.length}` }, table);
  const hint = h("p", { class: "scroll-hint", hidden: true }, `The table is wider than the page: scroll it sideways for all ${order.length} models. →`);
  new ResizeObserver(() => { hint.hidden = scroll.scrollWidth <= scroll.clientWidth + SLACK; }).observe(scroll);
  return h("div", {}, hint, scroll, key(view));
}

export function heatmap(report: Report, choose?: ChooseCell): HTMLElement {
  if (!report.abilities.length) return h("p", { class: "empty" }, "Nothing has been evaluated yet.");
  const open = new Set<string>();
  const place = h("div", {}, heatmapTable(report, "score", open, choose));
  return h("div", {},
    choice<View>("What the cells show", [["score", "score"], ["change", "change against the parent"], ["likelihood", "log-likelihood"]],
      "score", (view) => place.replaceChildren(heatmapTable(report, view, open, choose))),
    place);
}
