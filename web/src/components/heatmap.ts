// Abilities x nodes. A table, so that a screen reader can walk it; cells are coloured by how far a
// score stands from chance towards the best possible one.
import { choice, h, svg } from "../dom";
import { exact, pValue, signed, unsigned } from "../format";
import { kind, mainParent, stageName, treeOrder } from "../lineage";
import {
  atChance, index, rows, skill, type Ability, type Contrast, type Explanation, type Index, type Interval, type Node, type Report,
} from "../report";
import { describe, facts } from "../tooltip";
import { explanation } from "./explanation";
import { term } from "./glossary";

export type View = "score" | "change" | "graded";

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
const GAIN: [string, string, string] = ["--heat-none", "--gain-1", "--gain-2"];
const LOSS: [string, string, string] = ["--heat-none", "--loss-1", "--loss-2"];
// Where on the ramp the ink turns over, in the light theme and in the dark one.
const INK_TURNS = { light: 0.6, dark: 0.72 };
const PLAIN_FROM = 0.45; // from here on a coloured mark would not be seen

const WEAK_MOST = 0.2; // what may be chance is not painted as if it were more

function paint(cell: HTMLElement, t: number, stops: [string, string, string]): void {
  cell.style.background = mix(t, stops);
  if (t >= PLAIN_FROM) cell.classList.add("deep");
  const ink = (from: number) => (t >= from ? "var(--strong-ink)" : "var(--ink)");
  if (t >= INK_TURNS.light) cell.style.color = `light-dark(${ink(INK_TURNS.light)}, ${ink(INK_TURNS.dark)})`;
}

function range(x: Interval, digits = 2): string {
  return `${unsigned(x.value, digits)}  [${unsigned(x.low, digits)}, ${unsigned(x.high, digits)}]`;
}

function details(report: Report, look: Index, node: Node, ability: Ability): HTMLElement {
  const score = look.score(node.name, ability.id);
  const contrast = look.contrast(node.name, ability.id);
  const title = `${ability.ability} ${ability.name}`;
  const level = `${Math.round(100 * report.confidence)} % interval`;
  if (!score) return facts(title, [[node.name, "not evaluated"]]);
  if (!score.headline)
    return facts(title, [[node.name, "not measurable here"], ["because", score.gate]]);
  const d = contrast?.difference, several = report.seeds.length > 1;
  const ends = (i: Interval) => `${unsigned(i.low, 3)} to ${unsigned(i.high, 3)}`;
  return facts(title, [
    ["node", node.name],
    [ability.metric, unsigned(score.headline.value, 3)],
    [level, `${ends(score.headline)}${several ? ` over items and ${report.seeds.length} seeds` : " over items"}`],
    ["", several && score.items ? `${ends(score.items)} over items alone` : undefined],
    ["chance", ability.chance === null ? undefined
      : unsigned(ability.chance, 3) + (atChance(score.headline, ability) ? " (inside the interval)" : "")],
    ["graded", score.graded && ability.graded ? `${range(score.graded)} ${ability.graded}` : undefined],
    [`against ${contrast?.parent}`, d ? `${signed(d.value, 3)}  [${signed(d.low, 3)}, ${signed(d.high, 3)}], ${pValue(contrast.p)}` +
      (contrast.holm === null ? "" : `, after Holm ${pValue(contrast.holm)}`) : undefined],
    ["seeds", several ? score.per_seed.map((v) => (v === null ? "–" : unsigned(v))).join("  ") : undefined],
    ["items", `${exact(score.n)}${several ? " for each seed" : ""}`],
    ["in form", score.format === null ? undefined : unsigned(score.format)],
    ["prompting", score.prompting],
    ["note", score.gate || undefined],
    ["scenario", ability.scenario],
  ]);
}

function changeMark(contrast: Contrast | undefined): HTMLElement | null {
  if (!contrast) return null;
  const told = contrast.change;
  if (told !== "gain" && told !== "loss") return h("span", { class: "delta open" }, "\u00a0");
  return h("span", { class: `delta ${told}` }, `${told === "gain" ? "▲" : "▼"}${unsigned(Math.abs(contrast.difference.value))}`);
}

/** Share of [low, high] as a position along the cell's foot. */
function along(value: number, ability: Ability): string {
  const t = (value - ability.low) / (ability.high - ability.low || 1);
  return `${(100 * Math.min(1, Math.max(0, t))).toFixed(1)}%`;
}

function ruler(headline: Interval, ability: Ability): HTMLElement {
  const left = along(headline.low, ability), right = along(headline.high, ability);
  return h("span", { class: "ruler", "aria-hidden": "true" },
    h("i", { class: "interval", style: `left:${left};right:calc(100% - ${right})` }),
    ability.chance !== null && h("i", { class: "chance", style: `left:${along(ability.chance, ability)}` }));
}

function cell(report: Report, look: Index, node: Node, ability: Ability, view: View,
              graded: Map<string, [number, number]>): HTMLElement {
  const score = look.score(node.name, ability.id);
  const contrast = look.contrast(node.name, ability.id);
  const td = h("td", { tabindex: -1, "data-node": node.name, "data-ability": ability.id });
  if (!score) td.append(h("span", { class: "nothing" }, "·"));
  else if (!score.headline) {
    td.className = "gated";
    td.append(h("span", { class: "visually-hidden" }, "not measurable here"));
  } else if (view === "change") {
    if (!contrast) td.append(h("span", { class: "nothing" }, mainParent(node) ? "·" : ""));
    else {
      const d = contrast.difference;
      const told = contrast.change === "gain" || contrast.change === "loss";
      paint(td, told ? Math.min(1, Math.abs(d.value) / (0.6 * (ability.high - ability.low))) : 0, d.value >= 0 ? GAIN : LOSS);
      if (!told) td.classList.add("weak");
      td.append(h("span", { class: "value" }, signed(d.value)));
    }
  } else if (view === "graded") {
    const g = score.graded, span = graded.get(ability.id);
    if (!g || !span) td.append(h("span", { class: "nothing" }, "·"));
    else {
      paint(td, span[1] > span[0] ? (g.value - span[0]) / (span[1] - span[0]) : 0, ["--heat-0", "--grade-1", "--grade-2"]);
      td.append(h("span", { class: "value" }, g.value.toFixed(2).replace("-", "\u2212")));
    }
  } else {
    const s = skill(score.headline.value, ability);
    const weak = atChance(score.headline, ability);
    if (weak) td.classList.add("weak");
    paint(td, weak ? Math.min(WEAK_MOST, Math.abs(s)) : Math.abs(s), s >= 0 ? SCORE : LOSS);
    td.append(h("span", { class: "value" }, unsigned(score.headline.value)),
      changeMark(contrast) ?? h("span", { class: "delta" }, "\u00a0"), ruler(score.headline, ability));
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
      h("span", { class: "key-item" }, "took", swatch(`linear-gradient(in oklab to right, var(--loss-2), var(--loss-1), var(--heat-none), var(--gain-1), var(--gain-2))`), "gave"),
      h("span", { class: "key-item" }, h("span", { class: "faint" }, "+.01"), "not told apart from no change"), hatch);
  if (view === "graded")
    return h("p", { class: "key" }, h("span", { class: "key-item" }, "lowest in the row", swatch(ramp(["--heat-0", "--grade-1", "--grade-2"])), "highest in the row"), hatch);
  return h("p", { class: "key" },
    h("span", { class: "key-item" }, "below", swatch(`linear-gradient(in oklab to left, var(--heat-0), var(--loss-1))`), term("chance"), swatch(ramp(SCORE)), "best possible"),
    h("span", { class: "key-item" }, h("span", { class: "faint" }, ".05"), h("span", {}, term("interval"), " reaches chance")),
    h("span", { class: "key-item" }, h("span", { class: "delta gain" }, "▲.12"), h("span", { class: "delta loss" }, "▼.08"), h("span", {}, "change against the ", term("parent"), ", where told apart from none")),
    h("span", { class: "key-item" }, h("span", { class: "ruler sample", "aria-hidden": "true" },
      h("i", { class: "interval", style: "left:45%;right:25%" }), h("i", { class: "chance", style: "left:12%" })), "interval and chance"),
    hatch);
}

/** What stands in a row's first cell; `toggle` opens and closes what stands below it, if anything. */
function rowHead(ability: Ability, view: View, opens: boolean, open: boolean, toggle: () => void): HTMLElement {
  const title = view === "graded" ? ability.graded : ability.metric;
  if (ability.of !== "") return h("th", { scope: "row", class: "ability", title }, ability.name);
  const name = [h("span", { class: "id" }, ability.ability), " ", ability.name];
  return h("th", { scope: "row", class: "ability", title }, !opens ? h("span", {}, ...name)
    : h("button", { type: "button", class: "opener", "aria-expanded": String(open), onclick: toggle },
      h("span", { class: "triangle", "aria-hidden": "true" }, open ? "▾" : "▸"), h("span", {}, ...name)));
}

/** What a row means, across the table; it stays in sight where the table scrolls. */
function lesson(about: Explanation, columns: number): HTMLTableRowElement {
  return h("tr", { class: "finer lesson" },
    h("td", { colspan: columns }, h("div", { class: "lesson-text" }, explanation(about))));
}

/** `open` holds the ids of the rows that are open: explained, with their finer rows. */
export function heatmapTable(report: Report, view: View, open = new Set<string>()): HTMLElement {
  const look = index(report);
  const order = treeOrder(report.nodes).map((n) => n.node);
  const explanations = new Map(report.explanations.map((e) => [e.ability, e]));
  const graded = new Map(report.abilities.map((a) => {
    const values = report.scores.flatMap((s) => (s.ability === a.id && s.graded ? [s.graded.value] : []));
    return [a.id, [Math.min(...values), Math.max(...values)] as [number, number]];
  }));
  const row = (a: Ability, head: HTMLElement) => h("tr", { class: a.of === "" ? "" : "finer" }, head,
    h("td", { class: "chance" }, view === "graded" || a.chance === null ? "" : unsigned(a.chance)),
    ...order.map((n) => cell(report, look, n, a, view, graded)));
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
        h("th", { scope: "col", class: "chance" }, view === "graded" ? "" : "chance"),
        ...order.map((n) => h("th", { scope: "col", title: stageName(n), class: n.control ? "control" : "" },
          ...n.name.split(/(?<=-)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part])))))),
    h("tbody", {}, ...rows(report).flatMap(({ head, finer }) => body(head, finer))));
  walkable(table);
  const scroll = h("div", { class: "scroll", style: `--columns:${order.length}` }, table);
  const hint = h("p", { class: "scroll-hint", hidden: true }, `The table is wider than the page: scroll it sideways for all ${order.length} models. →`);
  new ResizeObserver(() => { hint.hidden = scroll.scrollWidth <= scroll.clientWidth + SLACK; }).observe(scroll);
  return h("div", {}, hint, scroll, key(view));
}

export function heatmap(report: Report): HTMLElement {
  if (!report.abilities.length) return h("p", { class: "empty" }, "Nothing has been evaluated yet.");
  const open = new Set<string>();
  const place = h("div", {}, heatmapTable(report, "score", open));
  return h("div", {},
    choice<View>("What the cells show", [["score", "score"], ["change", "change against the parent"], ["graded", "graded metric"]],
      "score", (view) => place.replaceChildren(heatmapTable(report, view, open))),
    place);
}
