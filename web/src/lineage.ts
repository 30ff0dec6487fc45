// The shape of the family: order, depth, and where a drawing puts each node.
import type { Node, Report } from "./report";

/** The parent a node's weights come from: the first one. */
export function mainParent(node: Node): string | undefined {
  return node.parents[0];
}

function childrenOf(nodes: Node[]): Map<string | undefined, Node[]> {
  const known = new Set(nodes.map((n) => n.name));
  const children = new Map<string | undefined, Node[]>();
  for (const node of nodes) {
    const parent = mainParent(node);
    const key = parent !== undefined && known.has(parent) ? parent : undefined;
    children.set(key, [...(children.get(key) ?? []), node]);
  }
  return children;
}

/** Depth first, so that a line of descent stands together; siblings keep the recipe's order. */
export function treeOrder(nodes: Node[]): { node: Node; depth: number }[] {
  const children = childrenOf(nodes);
  const walk = (parent: string | undefined, depth: number): { node: Node; depth: number }[] =>
    (children.get(parent) ?? []).flatMap((node) => [{ node, depth }, ...walk(node.name, depth + 1)]);
  return walk(undefined, 0);
}

export interface Placed {
  node: Node;
  column: number; // generation
  row: number; // may be a half: a parent stands in the middle of its children
}

/** Generations in columns; leaves take rows in turn and parents stand between their children. */
export function columns(nodes: Node[]): Placed[] {
  const children = childrenOf(nodes);
  const placed: Placed[] = [];
  let nextRow = 0;
  const place = (node: Node, column: number): number => {
    const rows = (children.get(node.name) ?? []).map((child) => place(child, column + 1));
    const row = rows.length ? (rows[0]! + rows[rows.length - 1]!) / 2 : nextRow++;
    placed.push({ node, column, row });
    return row;
  };
  for (const root of children.get(undefined) ?? []) place(root, 0);
  return placed;
}

/** One node a row, children indented below their parents: for narrow screens. */
export function indented(nodes: Node[]): Placed[] {
  return treeOrder(nodes).map(({ node, depth }, row) => ({ node, column: depth, row }));
}

/** Tokens behind a node's weights, its ancestors' included. */
export function tokensInAll(report: Report, name: string): number {
  const nodes = new Map(report.nodes.map((n) => [n.name, n]));
  let sum = 0;
  for (let node = nodes.get(name); node; node = nodes.get(mainParent(node) ?? "")) sum += node.tokens;
  return sum;
}

export interface Stage {
  name: string;
  about: string; // a sentence; "" where there is none
}

const STAGES: Record<string, Stage> = {
  pretrain: { name: "pretraining",
    about: "The model starts from random weights and learns to predict the next token of plain text." },
  sft: { name: "instruction tuning",
    about: "The model learns to answer: it trains on instructions with good answers (supervised fine-tuning, SFT)." },
  feedme: { name: "FeedME",
    about: "A model writes several answers to each instruction, a judge rates them, and the parent is fine-tuned on the best." },
  reward: { name: "reward model", about: "" },
  ppo: { name: "RLHF (PPO)", about: "" },
  import: { name: "imported", about: "The weights come from elsewhere; nothing is known here of how they were trained." },
};
const CONTINUED: Stage = { name: "continued pretraining",
  about: "The same training goes on from the parent’s weights, with other text. Where most of that text is programs, this is the code stage." };

/** What a node did: a second pretraining is a continued one. */
export function stageOf(node: Node): Stage {
  if (node.stage === "pretrain" && node.parents.length) return CONTINUED;
  return STAGES[node.stage] ?? { name: node.stage, about: "" };
}

export function stageName(node: Node): string {
  return stageOf(node).name;
}

export type Kind = "root" | "continued" | "tuned" | "feedback" | "other";

/** The colour a node has everywhere on the page. */
export function kind(node: Node): Kind {
  if (node.stage === "pretrain" || node.stage === "import")
    return node.parents.length ? "continued" : "root";
  if (node.stage === "sft") return "tuned";
  if (["feedme", "reward", "ppo", "rlhf", "best_of_n"].includes(node.stage)) return "feedback";
  return "other";
}
