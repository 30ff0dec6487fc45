// The trees of the served run folders, the reports on them, and the curves of their nodes.
import { signal } from "@preact/signals";
import { asReport, type Curve, type Report, type TrainingEvent } from "../report";
import { connection, getJson, reason, ServerError, whenBack } from "./api";
import { loadModels, modelOf, models } from "./models";

export type Status = "grown" | "growing" | "paused" | "waiting" | "unreadable";

/** A node as grown from one seed. */
export interface NodeSeed {
  seed: number;
  status: Status;
  step: number;
  steps: number | null; // in all; null: not known
  tokens: number;
  model: string | null; // the id of the served model
  problem: string;
}

export interface TreeNode {
  name: string;
  stage: string;
  kind: "base" | "tuned" | "feedback" | "";
  title: string; // of the stage
  parents: string[];
  control: boolean;
  control_of: string;
  seeds: NodeSeed[];
}

export interface Tree {
  run: string;
  tree: string;
  seeds: number[];
  growing: boolean;
  problem: string;
  measured: boolean; // the run folder has scores
  nodes: TreeNode[];
}

export const trees = signal<Tree[] | null>(null); // null: not known yet
export const treeProblems = signal<{ run: string; problem: string }[]>([]);
export const treesFailure = signal("");

let last = "";
export async function loadTrees(): Promise<void> {
  try {
    const found = await getJson<{ trees: Tree[]; problems: { run: string; problem: string }[] }>("/v1/lineage/trees");
    const text = JSON.stringify(found);
    if (text !== last) { // else nothing is drawn again
      trees.value = found.trees;
      treeProblems.value = found.problems;
      const served = found.trees.flatMap((t) => t.nodes).flatMap((n) => n.seeds).map((s) => s.model);
      if (models.value && served.some((m) => m !== null && !modelOf(m))) void loadModels(); // grown since
    }
    last = text;
    treesFailure.value = "";
  } catch (error) {
    treesFailure.value = connection.value === "lost" ? "" : reason(error); // the frame says what is lost
  }
}
whenBack(() => void loadTrees());

/** "tree", and with several run folders "run, too": the query that names a tree. */
export function treeQuery(tree: Tree): Record<string, string> {
  const alone = (trees.value ?? []).filter((t) => t.tree === tree.tree).length < 2;
  return alone ? { tree: tree.tree } : { tree: tree.tree, run: tree.run };
}

export function query(values: Record<string, string | number>): string {
  return Object.entries(values).map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
}

export async function loadReport(tree: Tree, scores: boolean, signal: AbortSignal): Promise<Report> {
  return asReport(await getJson(`/v1/lineage/report?${query({ tree: tree.tree, run: tree.run, scores: scores ? 1 : 0 })}`, signal));
}

export const nothingGrown = (error: unknown) => error instanceof ServerError && error.code === "nothing_grown";

// --- curves --------------------------------------------------------------------------------------

export interface Series {
  run: string;
  tree: string;
  node: string;
  seed: number;
}

export interface SeriesCurves extends Series {
  stage: string;
  kind: TreeNode["kind"];
  title: string;
  status: Status;
  step: number;
  steps: number | null;
  tokens: number;
  problem: string;
  curves: Omit<Curve, "node" | "seed">[];
  events: Omit<TrainingEvent, "node" | "seed">[];
}

export const keyOf = ({ run, tree, node, seed }: Series) => JSON.stringify([run, tree, node, seed]);

export function loadCurves({ run, tree, node, seed }: Series): Promise<SeriesCurves> {
  return getJson<SeriesCurves>(`/v1/lineage/curves?${query({ run, tree, node, seed })}`);
}

// --- items on which two nodes differ -------------------------------------------------------------

export interface ComparedAnswer {
  text: string;
  score: number;
  right: boolean | null;
}

export interface Difference {
  item: string;
  prompt: string;
  wanted: string;
  gain: number;
  from: ComparedAnswer;
  node: ComparedAnswer;
}

export interface Differences {
  seed: number;
  gained: number;
  lost: number;
  same: number;
  unscored: number;
  total: number; // of those that were wanted
  items: Difference[];
}
