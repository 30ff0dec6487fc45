// Learning curves. Stages differ a hundredfold in tokens, so the axis gives every generation the
// same width: a child's curve starts where its parent's ended.
import * as Plot from "@observablehq/plot";
import { h, responsive } from "../dom";
import { count } from "../format";
import { columns, kind, mainParent, treeOrder } from "../lineage";
import type { Curve, Report } from "../report";
import { learners } from "../seeds";

export interface Point {
  node: string;
  seed: number;
  x: number; // generation + share of the stage's tokens
  tokens: number;
  value: number;
}

/** One of the figures: a metric on a part of the data. */
export interface Tag {
  metric: string; // as the curves have it: "loss", or one of a stage's own
  heldout: boolean;
  tag: string; // as the curves have it
  source: string; // whose held-out texts these are; "" for a tag of the training loss
  name: string;
}

/** The points of one figure's curves on the common axis. */
export function points(report: Report, of: Pick<Tag, "metric" | "heldout" | "tag">): Point[] {
  const column = new Map(columns(report.nodes).map((p) => [p.node.name, p.column]));
  const total = new Map(report.nodes.map((n) => [n.name, n.tokens]));
  return report.curves
    .filter((c) => c.metric === of.metric && c.tag === of.tag && c.heldout === of.heldout && column.has(c.node))
    .flatMap((c: Curve) => c.tokens.map((tokens, i) => ({
      node: c.node, seed: c.seed, tokens, value: c.values[i]!,
      x: column.get(c.node)! + Math.min(1, tokens / Math.max(1, total.get(c.node) ?? 0)),
    })))
    .filter((p) => Number.isFinite(p.value));
}

/** The losses of parts, in the order in which they are first named: of the training loss by tag, of
    held-out texts by source, or by source and ability ("text/grammar"). */
export function tags(report: Report): Tag[] {
  const seen = new Map<string, Tag>();
  for (const { metric, tag, heldout } of report.curves) {
    if (metric !== "loss" || tag === "") continue;
    const slash = heldout ? tag.indexOf("/") : -1;
    const source = !heldout ? "" : slash < 0 ? tag : tag.slice(0, slash);
    const part = slash < 0 ? (heldout ? "" : tag) : tag.slice(slash + 1);
    seen.set(`${heldout} ${tag}`, { metric, tag, heldout, source, name: part === "" ? "all tokens" : tagName(report, part) });
  }
  return [...seen.values()];
}

/** The metrics of the stages besides the loss, on all of their data; those of policies are elsewhere. */
export function otherMetrics(report: Report): Tag[] {
  const seen = new Map<string, Tag>();
  const policies = learners(report);
  for (const { node, metric, tag, heldout } of report.curves)
    if (metric !== "loss" && tag === "" && (heldout || !policies.has(node)))
      seen.set(`${heldout} ${metric}`, { metric, heldout, tag, source: "",
        name: `${metric.replaceAll("_", " ")}${heldout ? ", held-out" : ""}` });
  return [...seen.values()];
}

/** A tag may be an ability's id, or words of its own. */
function tagName(report: Report, tag: string): string {
  const row = report.abilities.find((a) => a.ability === tag);
  return row ? `${row.ability} ${row.name}` : tag.replaceAll("_", " ");
}

const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 2"];

export interface Look {
  colour: string;
  dash: string;
}

/** A line's look: the colour of its kind, a dash pattern of its own within the kind. */
export function strokes(report: Report): Map<string, Look> {
  const seen = new Map<string, number>();
  return new Map(treeOrder(report.nodes).map(({ node }) => {
    const k = kind(node), i = seen.get(k) ?? 0;
    seen.set(k, i + 1);
    return [node.name, { colour: `var(--kind-${k})`, dash: DASHES[i % DASHES.length]! }];
  }));
}

/** The mean over the seeds where their curves have the same points; the single curve of one seed. */
export function mean(points: Point[]): Point[] {
  const seeds = [...new Set(points.map((p) => p.seed))].map((s) => points.filter((p) => p.seed === s));
  const first = seeds[0] ?? [];
  if (seeds.some((s) => s.length !== first.length || s.some((p, i) => p.x !== first[i]!.x))) return [];
  return first.map((p, i) => ({ ...p, value: seeds.reduce((sum, s) => sum + s[i]!.value, 0) / seeds.length }));
}

/** The curve of one node: its seeds faint behind their mean. */
export function lines(own: Point[], { colour, dash }: Look, opacity = 1, strokeWidth = 1.6): Plot.Markish[] {
  const average = mean(own), several = average.length < own.length;
  const line = { x: "x", y: "value", z: "seed", stroke: colour, strokeLinejoin: "round", clip: true } as const;
  return [
    Plot.line(several || !average.length ? own : [], { ...line, strokeOpacity: (average.length ? 0.28 : 1) * opacity, strokeWidth: 1 }),
    Plot.line(average, { ...line, strokeDasharray: dash, strokeOpacity: opacity, strokeWidth }),
    Plot.dot(own.length === 1 ? own : [], { x: "x", y: "value", r: 2, fill: colour, fillOpacity: opacity }),
  ];
}

/** Leaves out the noisiest heights at the top, where a run starts. */
function ceiling(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(0.995 * (sorted.length - 1))] ?? 1;
}

/** How the curves are put beside each other: the generations of a tree, or all from the same point on. */
export interface Layout {
  looks: Map<string, Look>;
  axis: "generations" | "tokens";
}

function figure(report: Report, of: Tag, focus: string | null, width: number, height: number, { looks, axis }: Layout): SVGSVGElement | HTMLElement {
  const loss = of.metric === "loss";
  const data = points(report, of);
  const marks = loss && of.tag === "" ? points(report, { ...of, heldout: true }) : [];
  const values = data.map((p) => p.value);
  const top = loss && !of.heldout ? ceiling(values) : Math.max(0.1, ...values);
  const generations = Math.max(0, ...data.map((p) => Math.ceil(p.x)));
  const series = [...new Set(data.map((p) => p.node))];
  const opacity = (node: string) => (focus === null || focus === node ? 1 : 0.12);
  const ordinal = ["1st", "2nd", "3rd", ...Array.from({ length: 20 }, (_, i) => `${i + 4}th`)];
  return Plot.plot({
    width, height, marginLeft: 34, marginRight: 10, marginTop: 8, marginBottom: 24,
    style: { fontSize: "11px" },
    ariaLabel: `${loss ? "Loss" : "A metric"} of every node: ${of.name}`,
    x: { domain: [0, Math.max(1, generations)], axis: null },
    y: { domain: [Math.min(0, ...values), top * 1.04], label: null, ticks: 4, tickSize: 0 },
    marks: [
      Plot.gridY({ ticks: 4, stroke: "var(--hairline)", strokeOpacity: 1 }),
      Plot.ruleX(Array.from({ length: generations + 1 }, (_, i) => i), { stroke: "var(--hairline)" }),
      ...(axis === "tokens" ? tokenTicks(report, width) : [Plot.text(Array.from({ length: generations }, (_, i) => i), {
        x: (i) => i + 0.5, text: (i) => (width > 420 ? `${ordinal[i]} generation` : ordinal[i]!), frameAnchor: "bottom", dy: 18, fill: "var(--muted)" })]),
      ...series.flatMap((node) => {
        return lines(data.filter((p) => p.node === node), looks.get(node)!, opacity(node), focus === node ? 2.2 : 1.6);
      }),
      Plot.dot(marks, { x: "x", y: "value", r: 2.5, fill: "var(--paper)", stroke: (p: Point) => looks.get(p.node)!.colour, strokeOpacity: (p: Point) => opacity(p.node) }),
      Plot.tip(data, Plot.pointer({
        x: "x", y: "value", maxRadius: 30, filter: (p: Point) => focus === null || p.node === focus,
        title: (p: Point) => `${p.node}, seed ${p.seed}\n${count(p.tokens)} tokens\n${p.value.toFixed(3)}${loss ? " nats a token" : ""}` })),
    ],
  });
}

/** Of an axis on which every node has the same tokens in all. */
function tokenTicks(report: Report, width: number): Plot.Markish[] {
  const all = Math.max(1, ...report.nodes.map((n) => n.tokens));
  const shares = width > 420 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1];
  return [Plot.text(shares, { x: (s: number) => s, text: (s: number) => (s === 0 ? "0" : `${count(Math.round(all * s))}${s === 1 ? " tokens" : ""}`),
    textAnchor: "middle", dx: -8, frameAnchor: "bottom", dy: 18, fill: "var(--muted)" })];
}

/** The figures of all metrics, without a legend. */
export function curveFigures(report: Report, focus: string | null, layout: Layout): HTMLElement[] {
  const lossOfAll = (held: boolean) => report.curves.some((c) => c.metric === "loss" && c.heldout === held && c.tag === "");
  const parts = tags(report);
  const small = (part: Tag) => h("figure", { "data-tag": part.tag }, h("figcaption", {}, h("h3", {}, part.name)),
    responsive((w) => figure(report, part, focus, w, 150, layout), { class: "plot" }));
  const group = (title: string, own: Tag[]) => h("div", { class: "source" },
    h("h3", {}, title), h("div", { class: "small-multiples" }, ...own.map(small)));
  const words = (source: string) => source.replaceAll("_", " ");
  const sources = [...new Set(parts.map((p) => p.source))].map((source) => ({ source, own: parts.filter((p) => p.source === source) }));
  // Sources without parts stand together.
  const whole = sources.filter(({ source, own }) => source !== "" && own.length === 1)
    .map(({ source, own }) => ({ ...own[0]!, name: words(source) }));
  const others = otherMetrics(report);
  return [
    ...(lossOfAll(false) || layout.axis === "generations" ? [h("figure", {}, h("figcaption", {}, h("h3", {}, "All tokens"),
      h("p", {}, "training loss, nats a token", lossOfAll(true) && "; circles: held-out")),
      responsive((w) => figure(report, { metric: "loss", tag: "", heldout: false, source: "", name: "all tokens" }, focus, w, Math.min(320, Math.max(200, w * 0.45)), layout), { class: "plot" }))] : []),
    ...(others.length ? [group("Other metrics", others)] : []),
    ...sources.filter(({ source, own }) => source === "" || own.length > 1)
      .map(({ source, own }) => group(source === "" ? "Training loss by tag" : `Held-out ${words(source)}, by ability`, own)),
    ...(whole.length ? [group(sources.length > whole.length ? "Other held-out data" : "Held-out data", whole)] : [])];
}

export function learningCurves(report: Report): HTMLElement {
  if (!report.curves.length) return h("p", { class: "empty" }, "No metrics were found beside the nodes.");
  const place = h("div");
  let focus: string | null = null;
  const looks = strokes(report);
  const drawn = new Set(report.curves.map((c) => c.node));
  const draw = () => place.replaceChildren(...curveFigures(report, focus, { looks, axis: "generations" }));
  const names = treeOrder(report.nodes).map((n) => n.node).filter((n) => drawn.has(n.name));
  const buttons = names.map((n) => h("button", {
    type: "button", "aria-pressed": "false", title: mainParent(n) ? `a child of ${mainParent(n)}` : "a root",
    onclick: () => {
      focus = focus === n.name ? null : n.name;
      for (const [i, b] of buttons.entries()) b.setAttribute("aria-pressed", String(names[i]!.name === focus));
      draw();
    },
  }, lineSample(looks.get(n.name)!), n.name));
  draw();
  return h("div", { class: "curves" },
    h("div", { class: "legend", role: "group", "aria-label": "Show one node's curves" }, ...buttons), place);
}

export function lineSample(look: Look): SVGSVGElement {
  const s = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  s.setAttribute("width", "26");
  s.setAttribute("height", "10");
  s.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", "M1,5H25");
  line.setAttribute("style", `stroke:${look.colour};stroke-width:2;stroke-dasharray:${look.dash || "none"}`);
  s.append(line);
  return s;
}
