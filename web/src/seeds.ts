// What the seeds of a node measured: the median, then each.
import { signed, unsigned } from "./format";
import type { AnswerMeans, BeforeAfter, Counted, Report } from "./report";

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The results of each node, by seed; `all` is by node. */
export function byNode<R extends { node: string }>(all: R[]): { node: string; seeds: R[] }[] {
  return [...new Set(all.map((r) => r.node))].map((node) => ({ node, seeds: all.filter((r) => r.node === node) }));
}

/** The values that are there. */
export function present<T>(values: (T | null | undefined)[]): T[] {
  return values.filter((v): v is T => v !== null && v !== undefined);
}

/** ".68 [.66, .70]"; of several seeds the median, then each: ".67", ".66 [.64, .68]", ".68 [.66, .70]". */
export function intervals(seeds: Counted[], number: (x: number) => string = (x) => unsigned(x)): string[] {
  const each = seeds.map((i) => `${number(i.value)} [${number(i.low)}, ${number(i.high)}]`);
  return each.length < 2 ? each : [number(median(seeds.map((i) => i.value))), ...each];
}
export const differences = (seeds: Counted[]) => intervals(seeds, (x) => signed(x));

export function numbers(seeds: number[], number: (x: number) => string = (x) => unsigned(x)): string {
  return seeds.length < 2 ? seeds.map(number).join("") : `${number(median(seeds))} (${seeds.map(number).join(", ")})`;
}

/** "600"; where seeds differ "600, 598". */
export function counts(seeds: number[]): string {
  return (new Set(seeds).size === 1 ? seeds.slice(0, 1) : seeds).join(", ");
}

/** The medians before and after. */
export function middle(seeds: BeforeAfter[]): BeforeAfter {
  return { parent: median(seeds.map((s) => s.parent)), model: median(seeds.map((s) => s.model)) };
}

/** ".27 → .35", of several seeds with the models of each. */
export function change(seeds: BeforeAfter[], digits = 2): string {
  const { parent, model } = middle(seeds);
  const text = `${unsigned(parent, digits)} → ${unsigned(model, digits)}`;
  return seeds.length < 2 ? text : `${text} (${seeds.map((s) => unsigned(s.model, digits)).join(", ")})`;
}

export function measured(seeds: { answers: AnswerMeans[] }[], measure: string): AnswerMeans[] {
  return present(seeds.map((s) => s.answers.find((a) => a.measure === measure)));
}

/** The nodes that learned from their own answers: their training has a reward and a KL. */
export function learners(report: Report): Set<string> {
  const having = (metric: string) => new Set(report.curves.filter((c) => c.metric === metric && c.tag === "" && !c.heldout).map((c) => c.node));
  const reward = having("reward"), kl = having("kl");
  return new Set(report.nodes.map((n) => n.name).filter((n) => reward.has(n) && kl.has(n)));
}
