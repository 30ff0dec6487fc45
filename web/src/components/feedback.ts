// What learning from feedback changed: worth of the answers, base rates of behaviours, the reward
// over the distance to the parent, and the health of the training.
import * as Plot from "@observablehq/plot";
import { h, responsive } from "../dom";
import { unsigned } from "../format";
import { kind, stageName } from "../lineage";
import type { Curve, Feedback, Report } from "../report";
import { byNode, change, counts, differences, intervals, learners, measured, middle, present } from "../seeds";
import { healthPanel } from "./health";
import { stack, table } from "./table";
import { word, wordList, wordOf } from "./words";

export function hasFeedback(report: Report): boolean {
  return report.feedback.length > 0 || learners(report).size > 0;
}

function answersTable(seeds: Feedback[]): HTMLElement | false {
  const rows = seeds[0]!.answers.map(({ measure }) => {
    const all = measured(seeds, measure);
    return [measure === "gold" ? "gold utility" : measure, stack(intervals(all.map((a) => a.parent))), stack(intervals(all.map((a) => a.best_of_4))),
      stack(intervals(all.map((a) => a.model))), stack(differences(all.map((a) => a.model_less_parent))), stack(differences(all.map((a) => a.model_less_best_of_4))),
      stack(intervals(all.map((a) => a.win_rate))), counts(all.map((a) => a.model.n))];
  });
  return rows.length > 0 && table(["of an answer", "parent", "best of the parent’s 4", "model", "model − parent", "model − best of 4", "wins against the parent", "requests"], rows);
}

const LEAST = 0.005;  // a share that is shown as more than .00
const ERRORS = 3.5;   // standard errors that no share of a table is likely to leave by luck

/** Whether a share changed by more than luck explains in a table of a hundred. */
export function apart({ parent, model }: { parent: number; model: number }, n: number): boolean {
  return Math.abs(model - parent) > ERRORS * Math.sqrt((parent * (1 - parent) + model * (1 - model)) / n) && Math.abs(model - parent) >= LEAST;
}

function baseRates(report: Report, seeds: Feedback[]): HTMLElement | false {
  const first = seeds[0]!.kinds;
  if (!first.length) return false;
  const all = [...new Set(first.flatMap((k) => k.behaviours.map((b) => b.id)))];
  const shares = (kind: string, behaviour: string) => present(seeds.map((s) =>
    s.kinds.find((k) => k.id === kind)?.behaviours.find((b) => b.id === behaviour)?.share));
  const seen = all.filter((b) => first.some((k) => shares(k.id, b).some((s) => Math.max(s.parent, s.model) >= LEAST)));
  const never = all.filter((b) => !seen.includes(b)).map((b) => wordOf(report, b).name);
  return h("div", {}, h("h4", {}, "Shares of answers, parent → model"),
    table(["request", ...seen.map((b) => wordOf(report, b).name), "mean utility", "n"], first.map((k) => [
      word(report, k.id),
      ...seen.map((b) => {
        const own = shares(k.id, b);
        return h("span", { class: apart(middle(own), k.n) ? "apart" : "muted" }, change(own));
      }),
      change(present(seeds.map((s) => s.kinds.find((other) => other.id === k.id)?.utility))),
      counts(present(seeds.map((s) => s.kinds.find((other) => other.id === k.id)?.n)))])),
    h("p", { class: "muted" }, "Strong: a change of more than 3.5 standard errors, which luck alone hardly makes in a table of this size.",
      never.length > 0 && ` Never, or in less than .005 of the answers: ${never.join(", ")}.`));
}

interface KlPoint {
  seed: number;
  kl: number;
  value: number;
}

/** A metric of a node over its KL to the parent, in the order of training. */
export function overKl(report: Report, node: string, metric: string): KlPoint[] {
  const curve = (seed: number, name: string): Curve | undefined => report.curves.find((c) =>
    c.node === node && c.seed === seed && c.metric === name && c.tag === "" && !c.heldout);
  return report.seeds.flatMap((seed) => {
    const kl = curve(seed, "kl"), own = curve(seed, metric);
    return kl && own && kl.values.length === own.values.length
      ? kl.values.map((x, i) => ({ seed, kl: x, value: own.values[i]! })) : [];
  });
}

function klFigure(points: KlPoint[], name: string, colour: string): HTMLElement | false {
  const ends = points.filter((p, i) => points[i + 1]?.seed !== p.seed);
  return points.length > 0 && h("figure", { "data-kl": name }, h("h4", {}, name),
    responsive((width) => Plot.plot({
      width, height: 190, marginLeft: 40, marginBottom: 30, marginTop: 8, style: { fontSize: "11px" }, ariaLabel: `${name} over the KL`,
      x: { label: "KL to the parent, nats", ticks: 5, labelAnchor: "center", labelArrow: "none" }, y: { label: null, ticks: 4, tickSize: 0 },
      marks: [
        Plot.gridY({ ticks: 4, stroke: "var(--hairline)", strokeOpacity: 1 }),
        Plot.line(points, { x: "kl", y: "value", z: "seed", stroke: colour, strokeWidth: 1.2, strokeOpacity: 0.7 }),
        Plot.dot(ends, { x: "kl", y: "value", r: 3, fill: colour }),
        Plot.tip(points, Plot.pointer({ x: "kl", y: "value", maxRadius: 30, title: (p: KlPoint) => `seed ${p.seed}\nKL ${unsigned(p.kl)}\n${name} ${unsigned(p.value)}` })),
      ],
    }), { class: "plot" }));
}

export function feedback(report: Report): HTMLElement {
  const policies = learners(report);
  const results = new Map(byNode(report.feedback).map((r) => [r.node, r.seeds]));
  return h("div", {}, ...report.nodes.filter((n) => results.has(n.name) || policies.has(n.name)).map((node) => {
    const seeds = results.get(node.name) ?? [];
    const change3 = (what: string, values: Feedback["text"][], unit: string, digits: number) => {
      const own = present(values);
      return own.length > 0 && h("p", {}, `${what}: ${change(own, digits)}${unit}`);
    };
    const colour = `var(--kind-${kind(node)})`;
    return h("div", { class: "feedback", "data-feedback": node.name },
      h("h3", {}, h("span", { class: `dot kind-${kind(node)}`, "aria-hidden": "true" }), node.name, h("span", { class: "arrow" }, ` ${stageName(node)} of ${node.parents.join(", ")}`)),
      seeds.length > 0 && answersTable(seeds),
      change3("Tokens of an answer", seeds.map((s) => s.length), "", 1),
      change3("Loss on held-out pretraining text", seeds.map((s) => s.text), " nats a token", 3),
      seeds.length > 0 && baseRates(report, seeds),
      policies.has(node.name) && h("div", { class: "small-multiples" },
        klFigure(overKl(report, node.name, "reward"), "reward, learned from", colour),
        klFigure(overKl(report, node.name, "gold"), "gold utility", colour)));
  }), wordList(report, report.feedback.flatMap((f) => f.kinds.flatMap((k) => [k.id, ...k.behaviours.map((b) => b.id)]))),
  policies.size > 0 && healthPanel(report, policies));
}
