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

/** Models that answer nothing: no ability is measured of them. */
const JUDGES = new Set(["reward", "moderation"]);

/** The nodes that abilities are measured of, in the tree's order. */
export function measuredNodes(report: Report): Node[] {
  return treeOrder(report.nodes).map((n) => n.node).filter((n) => !JUDGES.has(n.stage));
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

/** What a node did, in the words of its stage. */
export function stageOf(node: Node): Stage {
  return { name: node.title || node.stage, about: node.about };
}

export function stageName(node: Node): string {
  return stageOf(node).name;
}

export type Kind = "root" | "continued" | "tuned" | "feedback";

/** The colour a node has everywhere on the page. */
export function kind(node: Node): Kind {
  return node.kind !== "base" ? node.kind : node.parents.length ? "continued" : "root";
}
