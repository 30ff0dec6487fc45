// The document that `lineage report --json` writes and that the page is drawn from; its schema is
// described in docs/formats.md. Lists of nodes have parents before children.

export interface Report {
  format: "lineage report";
  version: 3;
  name: string;
  created: string;
  code: string;
  recipe: string;
  runs: Run[]; // oldest first
  confidence: number;
  seeds: number[];
  nodes: Node[];
  abilities: Ability[];
  explanations: Explanation[]; // of the headline rows that have one
  scores: Score[];
  contrasts: Contrast[];
  edges: Pair[];
  curves: Curve[];
  events: TrainingEvent[];
  rewards: Reward[]; // by node, then seed, as feedback
  feedback: Feedback[];
  words: Word[]; // those that rewards and feedback use
  samples: Sample[];
  notes: string[];
}

/** A command that made what the report shows: of `lineage grow`, with its time, or `lineage eval`. */
export interface Run {
  command: string;
  machine: string;
  code: string;
  started: string;
  seconds: number | null;
}

export interface Node {
  name: string;
  stage: string;
  kind: "base" | "tuned" | "feedback"; // of the stage
  title: string; // of the stage, in words; "" where a checkpoint has none
  about: string; // a sentence on the stage, or ""
  parents: string[];
  control: boolean;
  control_of: string; // the node that this one stands against; "": none in particular
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
}

/** A row of the heat map; `of` names the row that opens to it, "" for a row of its own. */
export interface Ability {
  id: string; // unique
  ability: string; // "A05"
  of: string;
  scenario: string;
  name: string;
  label: string; // for tables: the ability and the name, of a finer row the name
  metric: string;
  unit: string; // "": a pure number
  better: "higher" | "lower" | "nearest" | "neither"; // which values are good ones
  target: number | null; // of "nearest"
  chance: number | null;
  low: number; // of an axis: the metric's range, where that ends
  high: number;
  log_likelihood: string; // the log-likelihood with its unit; "" when there is none
}

/** The meaning of a row of its own: whole sentences, "" where there is nothing to say. */
export interface Explanation {
  ability: string; // the row's id
  measures: string;
  chance: string;
  low: string; // of a score at chance or below
  accepts: string; // which answers count beside the reference; "": no others
  parts: string; // the names of its cells
  example: Example | null;
}

export interface Example {
  prompt: string; // as a model reads it, plain and as a conversation; "": is not asked so
  chat: string;
  choices: string[]; // [] where they are many, or the model writes
  choice_count: number; // 0: the model writes
  chain: string; // worked solution before the answer
  answer: string;
}

export interface Interval {
  value: number;
  low: number;
  high: number;
}

export interface Score {
  node: string;
  ability: string; // a row's id
  score: Interval | null; // over seeds and items, or items with one seed; null: see not_measurable
  items: Interval | null; // over items alone
  log_likelihood: Interval | null;
  format: number | null; // share of answers in form
  n: number; // items for each seed
  per_seed: (number | null)[]; // in the order of the report's seeds
  prompting: string;
  not_measurable: string; // why it cannot be measured here; "" when it can
  at_chance: boolean; // the interval reaches chance
  skill: number | null; // -1 to 1, from chance to the best score; null: no score is the best
}

export interface Contrast {
  node: string;
  parent: string; // or the node's control
  ability: string;
  kind: "parent" | "control";
  difference: Interval; // node - parent, paired over items and seeds
  items: Interval; // over items alone
  p: number;
  holm: number | null; // p adjusted over the rows of their own of this pair; null for a finer row
  n: number;
  seeds: number;
  change: Change;
}

/**
 * A difference: not significant; significant, but shown as .00; better; worse; or significant where
 * no direction is better.
 */
export type Change = "open" | "small" | "better" | "worse" | "other";

/** The contrasts of two nodes by rows of their own, greatest improvement first. */
export interface Pair {
  node: string;
  from: string; // its parent, or a control
  kind: Contrast["kind"];
  contrasts: number[]; // indices
}

export interface Curve {
  node: string;
  seed: number;
  metric: string; // "loss", in nats a token, or one of the stage's own
  tag: string; // a part of the data; "" for all of it
  heldout: boolean;
  tokens: number[]; // of this stage
  values: number[];
}

/** A skipped step or a warning. */
export interface TrainingEvent {
  node: string;
  seed: number;
  step: number;
  text: string;
}

/** A mean over n requests, or a share of n pairs. */
export interface Counted extends Interval {
  n: number;
}

export interface RewardPart {
  id: string; // of a word: a kind of request, or the term in which the pairs differ most
  right: Counted;
  length_only: Counted | null; // by a model that knows the answers' length alone
}

/** What a reward model of one seed orders rightly. */
export interface Reward {
  node: string;
  seed: number;
  agreement: number; // of two annotators; 0: people, in files
  noise: number;
  labels: Counted | null; // in the annotators' order
  utility: Counted | null; // in the order of the utility, which has no noise
  length_only: Counted | null;
  kinds: RewardPart[];
  terms: RewardPart[];
  calibration: { predicted: number; seen: number; n: number }[];
}

export interface BeforeAfter {
  parent: number;
  model: number;
}

/** Means over held-out requests; best_of_4 is of the parent's answers, chosen by the reward. */
export interface AnswerMeans {
  measure: string; // "gold", "reward"
  parent: Counted;
  model: Counted;
  best_of_4: Counted;
  win_rate: Counted; // ties count a half
  model_less_parent: Counted;
  model_less_best_of_4: Counted;
}

/** How often answers to n requests of a kind hold each behaviour. */
export interface KindRates {
  id: string; // of a word
  n: number;
  utility: BeforeAfter;
  behaviours: { id: string; share: BeforeAfter }[];
}

/** What learning from feedback changed in a model of one seed. */
export interface Feedback {
  node: string;
  seed: number;
  answers: AnswerMeans[];
  length: BeforeAfter | null; // tokens an answer
  text: BeforeAfter | null; // loss on held-out pretraining text
  kinds: KindRates[];
}

/** A kind of request, a behaviour or a term of the utility. */
export interface Word {
  id: string;
  name: string;
  about: string; // a sentence, or ""
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
  const contrasts = new Map(
    report.contrasts.filter((c) => c.kind === "parent").map((c) => [key(c.node, c.ability), c]));
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
  if (report.version !== 3)
    throw new Error(`this report is of version ${report.version}; this page draws version 3`);
  return report as Report;
}

// --- edges -------------------------------------------------------------------------------------

export interface Edge {
  parent: string;
  child: string;
  kind: Contrast["kind"];
  rows: { ability: Ability; contrast: Contrast }[];
}

/** The pairs of nodes that are compared, with their rows. */
export function edges(report: Report): Edge[] {
  const ability = new Map(report.abilities.map((a) => [a.id, a]));
  return report.edges.map(({ node, from, kind, contrasts }) => ({ parent: from, child: node, kind,
    rows: contrasts.map((i) => {
      const contrast = report.contrasts[i]!;
      return { ability: ability.get(contrast.ability)!, contrast };
    }) }));
}

/** The rows of their own, and for each the finer rows that it opens to. */
export function rows(report: Report): { head: Ability; finer: Ability[] }[] {
  return report.abilities.filter((a) => a.of === "")
    .map((head) => ({ head, finer: report.abilities.filter((a) => a.of === head.id) }));
}

export function machine(report: Report): string {
  return report.runs.find((r) => r.machine)?.machine ?? "";
}

/** Of all runs whose time is known. */
export function seconds(report: Report): number {
  return report.runs.reduce((sum, r) => sum + (r.seconds ?? 0), 0);
}
