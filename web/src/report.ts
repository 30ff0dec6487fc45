// The document that `lineage report --json` writes and that the page is drawn from; its schema is
// described in docs/formats.md. Lists of nodes have parents before children.

export interface Report {
  format: "lineage report";
  version: 1;
  name: string;
  created: string;
  code: string;
  command: string;
  machine: string;
  seconds: number;
  seeds: number[];
  confidence: number;
  recipe: string;
  nodes: Node[];
  abilities: Ability[];
  scores: Score[];
  contrasts: Contrast[];
  curves: Curve[];
  samples: Sample[];
  notes: string[];
}

export interface Node {
  name: string;
  stage: string;
  parents: string[];
  control: boolean;
  parameters: number;
  layers: number;
  width: number;
  context: number;
  tokens: number; // that this stage trained on
  steps: number;
  config: string;
  tokenizer: string;
  data: DataSource[];
  grown: Grown[]; // one for each seed
}

export interface DataSource {
  name: string;
  kind: string;
  licence: string;
  documents: number;
  tokens: number; // in the source
  trained: number; // seen in training, repeats included
  epochs: number;
  digest: string;
}

export interface Grown {
  seed: number;
  weights: string;
  identity: string;
  created: string;
  code: string;
  seconds: number | null;
  machine: string;
  command: string;
}

export interface Ability {
  id: string;
  name: string;
  metric: string;
  chance: number | null;
  low: number; // of the metric's range
  high: number;
  graded: string; // what the graded metric is, with its unit; "" when there is none
}

export interface Interval {
  value: number;
  low: number;
  high: number;
}

export interface Score {
  node: string;
  ability: string;
  headline: Interval | null; // null: not measurable here, see gate
  graded: Interval | null;
  n: number; // items for each seed
  per_seed: number[];
  prompting: string;
  gate: string; // why it cannot be measured here; "" when it can
}

export interface Contrast {
  node: string;
  parent: string;
  ability: string;
  difference: Interval; // child - parent, paired over items and seeds
  p: number;
  n: number;
  seeds: number;
}

export interface Curve {
  node: string;
  seed: number;
  tag: string; // "" for the loss of all tokens
  heldout: boolean;
  tokens: number[]; // of this stage
  loss: number[]; // nats a token
}

export interface Sample {
  ability: string;
  prompt: string;
  wanted: string;
  answers: { node: string; text: string; correct: boolean | null }[];
}

// --- looking things up -----------------------------------------------------------------------

export interface Index {
  node: Map<string, Node>;
  ability: Map<string, Ability>;
  score(node: string, ability: string): Score | undefined;
  contrast(node: string, ability: string): Contrast | undefined;
}

export function index(report: Report): Index {
  const key = (a: string, b: string) => `${a}\n${b}`;
  const scores = new Map(report.scores.map((s) => [key(s.node, s.ability), s]));
  const contrasts = new Map(report.contrasts.map((c) => [key(c.node, c.ability), c]));
  return {
    node: new Map(report.nodes.map((n) => [n.name, n])),
    ability: new Map(report.abilities.map((a) => [a.id, a])),
    score: (node, ability) => scores.get(key(node, ability)),
    contrast: (node, ability) => contrasts.get(key(node, ability)),
  };
}

/** Throws with a message for the reader when `value` is not a report that this page can draw. */
export function asReport(value: unknown): Report {
  const report = value as Partial<Report> | null;
  if (report?.format !== "lineage report") throw new Error("this file holds no report");
  if (report.version !== 1)
    throw new Error(`this report is of version ${report.version}; this page draws version 1`);
  return report as Report;
}

// --- what an interval tells ------------------------------------------------------------------

export type Sign = "gain" | "loss" | "open";

/** What a difference tells at the report's confidence: more, less, or not told apart from zero. */
export function sign(difference: Interval): Sign {
  return difference.low > 0 ? "gain" : difference.high < 0 ? "loss" : "open";
}

/** The way from chance as a share of that to the best possible score, clamped to [-1, 1]. */
export function skill(value: number, ability: Ability): number {
  const chance = ability.chance ?? 0;
  const room = ability.high - chance;
  if (room <= 0) return 0;
  return Math.max(-1, Math.min(1, (value - chance) / room));
}

/** Whether a score's interval reaches chance: nothing beyond guessing has been shown. */
export function atChance(headline: Interval, ability: Ability): boolean {
  return ability.chance !== null && headline.low <= ability.chance && headline.high >= ability.chance;
}

export interface Edge {
  parent: string;
  child: string;
  rows: { ability: Ability; contrast: Contrast }[]; // largest gain first
}

/** One edge for each node that has contrasts against a parent, in the order of the nodes. */
export function edges(report: Report): Edge[] {
  const abilities = new Map(report.abilities.map((a) => [a.id, a]));
  return report.nodes.flatMap((node) => {
    const own = report.contrasts.filter((c) => c.node === node.name);
    return [...new Set(own.map((c) => c.parent))].map((parent) => ({
      parent,
      child: node.name,
      rows: own
        .filter((c) => c.parent === parent)
        .flatMap((contrast) => {
          const ability = abilities.get(contrast.ability);
          return ability ? [{ ability, contrast }] : [];
        })
        .sort((a, b) => b.contrast.difference.value - a.contrast.difference.value),
    }));
  });
}
