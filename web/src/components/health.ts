// The course of learning from one's own answers: what tells a healthy run from one that fails.
import * as Plot from "@observablehq/plot";
import { h, responsive } from "../dom";
import { significant } from "../format";
import type { Report } from "../report";
import { numbers } from "../seeds";
import { lines, lineSample, strokes, type Look, type Point } from "./curves";
import { table } from "./table";

const GROUPS: [string, string[]][] = [
  ["Reward and gold utility", ["reward", "gold"]],
  ["Distance to the parent", ["kl", "beta", "approx_kl", "kl_estimate"]],
  ["Entropy", ["entropy"]],
  ["Length", ["length", "cut_off", "reward_length_correlation"]],
  ["Losses", ["policy_loss", "value_loss"]],
  ["Clipped shares", ["clip_fraction", "value_clip_fraction"]],
  ["Value model", ["explained_variance"]],
  ["Pretraining text", ["ptx_loss", "ptx_weight", "ptx_norm_ratio"]],
  ["Shares of the time", ["sampling_share", "scoring_share", "update_share"]],
  ["Precision", ["sampler_difference", "first_ratio_difference"]],
];
const WARNINGS = 12, WIDTH = 230;  // shown; pixels of a figure

const named = (metric: string) => metric.replaceAll("_", " ").replace(/\bkl\b/, "KL");

/** The metrics of these nodes by group; those without one are the last. A loss is a learning curve. */
export function groups(report: Report, nodes: Set<string>): [string, string[]][] {
  const all = new Set(report.curves.filter((c) => nodes.has(c.node) && c.metric !== "loss" && c.tag === "" && !c.heldout).map((c) => c.metric));
  const known = new Set(GROUPS.flatMap(([, metrics]) => metrics));
  const others: [string, string[]] = ["Others", [...all].filter((m) => !known.has(m))];
  return [...GROUPS, others].map(([title, metrics]): [string, string[]] => [title, metrics.filter((m) => all.has(m))])
    .filter(([, metrics]) => metrics.length > 0);
}

/** A metric over the iterations. */
function points(report: Report, nodes: Set<string>, metric: string): Point[] {
  return report.nodes.filter((n) => nodes.has(n.name)).flatMap((node) => report.curves
    .filter((c) => c.node === node.name && c.metric === metric && c.tag === "" && !c.heldout)
    .flatMap((c) => c.values.map((value, i) => ({
      node: c.node, seed: c.seed, value, tokens: c.tokens[i]!, x: (node.steps * (i + 1)) / c.values.length }))));
}

function figure(report: Report, nodes: Set<string>, metric: string, looks: Map<string, Look>): HTMLElement {
  const data = points(report, nodes, metric);
  return h("figure", { "data-health": metric }, h("figcaption", {}, h("h3", {}, named(metric))),
    responsive((width) => Plot.plot({
      width, height: 120, marginLeft: 44, marginRight: 10, marginTop: 8, marginBottom: 20, style: { fontSize: "11px" },
      ariaLabel: `${named(metric)} over the iterations`,
      x: { label: null, ticks: 4 }, y: { label: null, ticks: 3, tickSize: 0 },
      marks: [
        Plot.gridY({ ticks: 3, stroke: "var(--hairline)", strokeOpacity: 1 }),
        ...[...nodes].flatMap((node) => lines(data.filter((p) => p.node === node), looks.get(node)!)),
        Plot.tip(data, Plot.pointer({ x: "x", y: "value", maxRadius: 30, title: (p: Point) => `${p.node}, seed ${p.seed}\niteration ${Math.round(p.x)}\n${significant(p.value)}` })),
      ],
    }), { class: "plot" }));
}

function lastValues(report: Report, nodes: Set<string>, metrics: string[]): HTMLElement {
  const last = (node: string, metric: string) => report.curves
    .filter((c) => c.node === node && c.metric === metric && c.tag === "" && !c.heldout && c.values.length > 0)
    .map((c) => c.values[c.values.length - 1]!);
  return h("details", {}, h("summary", {}, "the last values as a table"),
    table(["curve", ...nodes], metrics.map((m) => [named(m), ...[...nodes].map((n) => numbers(last(n, m), significant))])));
}

function warnings(report: Report, nodes: Set<string>): HTMLElement | false {
  const all = report.events.filter((e) => nodes.has(e.node));
  return all.length > 0 && h("details", { class: "warnings", open: true }, h("summary", {}, `Warnings: ${all.length}`),
    h("ul", {}, ...all.slice(0, WARNINGS).map((e) => h("li", {}, h("strong", {}, e.node), ` seed ${e.seed}, step ${e.step}: ${e.text}`)),
      all.length > WARNINGS && h("li", {}, `and ${all.length - WARNINGS} more in metrics.jsonl`)));
}

export function healthPanel(report: Report, nodes: Set<string>, looks = strokes(report)): HTMLElement {
  const all = groups(report, nodes);
  return h("div", { class: "feedback health" }, h("h3", {}, "Health of the training"),
    h("p", { class: "muted key" }, ...[...nodes].map((n) => h("span", { class: "key-item" }, lineSample(looks.get(n)!), n)), h("span", {}, "by iteration; a line is the mean of the seeds, which stand faint behind it")),
    warnings(report, nodes),
    h("div", { class: "groups" }, ...all.map(([title, metrics]) => h("div", { style: `flex: ${metrics.length} 1 ${metrics.length * WIDTH}px` }, h("h4", {}, title),
      h("div", { class: "small-multiples" }, ...metrics.map((m) => figure(report, nodes, m, looks)))))),
    lastValues(report, nodes, all.flatMap(([, metrics]) => metrics)));
}
