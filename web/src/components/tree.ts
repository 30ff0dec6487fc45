// The family drawn as a tree: a card a node, generations from left to right; on a narrow screen
// one card a row, children indented.
import { h, responsive, svg } from "../dom";
import { count, exact, percent, plural } from "../format";
import { columns, indented, kind, mainParent, type Placed, stageName, tokensInAll } from "../lineage";
import type { Node, Report } from "../report";
import { describe, facts } from "../tooltip";

const CARD = { width: 216, height: 92, line: 18 };
const CHARACTER = 6.6; // of the data line, on average
const PADDING = 24;
const GAP = { x: 56, y: 18 };
const INDENT = 18;
const GAP_NARROW = 12;

/** A click on an edge, or on the card of a child (also Enter there), chooses the edge. */
export interface EdgeChoice {
  choose: (parent: string, child: string) => void;
  chosen: (parent: string, child: string) => boolean;
}

/** Tokens of each source in a node's training, largest first. */
export function shares(node: Node): { name: string; share: number }[] {
  const all = node.data.reduce((sum, d) => sum + d.trained, 0);
  return node.data
    .map((d) => ({ name: d.name, share: all > 0 ? d.trained / all : 0 }))
    .sort((a, b) => b.share - a.share);
}

function dataLine(node: Node): string {
  return shares(node).map((s) => (s.share > 0.995 ? s.name : `${s.name} ${percent(s.share)}`))
    .join(", ").replaceAll("_", " ");
}

function card(node: Node, report: Report, edges?: EdgeChoice): HTMLElement {
  const bar = h("span", { class: "bar", "aria-hidden": "true" },
    ...shares(node).map((s, i) => h("span", { style: `flex-grow:${s.share}`, class: `part${i % 4}` })));
  const element = h("article", {
    class: `card kind-${kind(node)}${node.control ? " control" : ""}`, tabindex: 0,
    "data-node": node.name,
  },
    h("h3", {}, node.name),
    h("p", { class: "stage" }, h("span", { class: "dot", "aria-hidden": "true" }),
      !node.control ? stageName(node) : node.control_of ? `control of ${node.control_of}` : `control · ${stageName(node)}`),
    h("p", { class: "size" }, `${count(node.parameters)} parameters, `,
      node.parents.length ? `+${count(node.tokens)}` : count(node.tokens), " tokens"),
    h("p", { class: "data" }, dataLine(node)),
    bar);
  const parent = mainParent(node);
  if (edges && parent !== undefined) {
    element.classList.add("choosable");
    element.addEventListener("click", () => edges.choose(parent, node.name));
    element.addEventListener("keydown", (e) => { if (e.key === "Enter") edges.choose(parent, node.name); });
  }
  return describe(element, () => facts(node.name, [
    ["stage", stageName(node)],
    ["from", node.parents.join(", ")],
    ["control", node.control ? node.control_of ? `of ${node.control_of}` : "yes" : undefined],
    ["parameters", exact(node.parameters)],
    ["shape", node.layers ? `${node.layers} layers, width ${node.width}, context ${node.context}` : undefined],
    ["tokens", `${exact(node.tokens)} in ${plural(node.steps, "step")}`],
    ["with ancestors", node.parents.length ? exact(tokensInAll(report, node.name)) : undefined],
    ...node.data.map((d): [string, string] => [d.name.replaceAll("_", " "),
      `${exact(d.trained)} tokens, ${d.epochs.toFixed(d.epochs < 10 ? 2 : 0)} epochs`]),
  ]));
}

function draw(report: Report, width: number, edges?: EdgeChoice): HTMLElement {
  const wide = columns(report.nodes);
  const generations = Math.max(0, ...wide.map((p) => p.column)) + 1;
  const fits = generations * CARD.width + (generations - 1) * GAP.x <= width;
  const placed = fits ? wide : indented(report.nodes);
  // The cards take what width there is, up to half as wide again.
  const cardWidth = fits
    ? Math.min(CARD.width * 1.25, (width - (generations - 1) * GAP.x) / generations)
    : Math.min(CARD.width * 1.5, width - INDENT * (generations - 1));
  // A second line for the data where one would be cut.
  const room = (cardWidth - PADDING) / CHARACTER;
  const cardHeight = CARD.height + (report.nodes.some((n) => dataLine(n).length > room) ? CARD.line : 0);
  const at = (p: Placed) => fits
    ? { x: p.column * (cardWidth + GAP.x), y: p.row * (cardHeight + GAP.y) }
    : { x: p.column * INDENT, y: p.row * (cardHeight + GAP_NARROW) };
  const spots = new Map(placed.map((p) => [p.node.name, at(p)]));
  const height = Math.max(0, ...[...spots.values()].map((s) => s.y)) + cardHeight + 2;

  const links = report.nodes.flatMap((node) => node.parents.map((parent, i) => {
    const from = spots.get(parent), to = spots.get(node.name);
    if (!from || !to) return null;
    const y1 = from.y + cardHeight / 2, y2 = to.y + cardHeight / 2, x1 = from.x + cardWidth;
    const middle = to.x - GAP.x / 2;
    // A second parent of the same generation stands above or below: around their right edges.
    const beside = fits && Math.abs(from.x - to.x) < 1;
    const path = beside
      ? `M${x1},${y1} h6 q14,0 14,${y2 > y1 ? 14 : -14} V${y2 > y1 ? y2 - 14 : y2 + 14} q0,${y2 > y1 ? 14 : -14} -14,${y2 > y1 ? 14 : -14} h-6`
      : fits
      ? `M${x1},${y1} H${middle - 16} C${middle},${y1} ${middle},${y2} ${middle + 16},${y2} H${to.x}`
      : `M${from.x + 8},${from.y + cardHeight} V${y2 - 6} q0,6 6,6 H${to.x}`;
    const main = i === 0 && parent === mainParent(node);
    const line = svg("path", { d: path, class: main ? "" : "other",
      "stroke-dasharray": node.control ? "3 4" : null, "data-edge": `${parent} ${node.name}` });
    if (!edges || !main) return line;
    line.classList.toggle("chosen", edges.chosen(parent, node.name));
    // A line is thin: a wide one that is not seen takes the clicks.
    return svg("g", {}, line, svg("path", { d: path, class: "wide", onclick: () => edges.choose(parent, node.name) }));
  }));
  return h("div", { class: "tree-canvas", style: `height:${height}px` },
    svg("svg", { width, height, "aria-hidden": "true" }, ...links),
    ...placed.map((p) => {
      const element = card(p.node, report, edges);
      const { x, y } = at(p);
      element.style.cssText = `left:${x}px;top:${y}px;width:${cardWidth}px;height:${cardHeight}px`;
      return element;
    }));
}

export function familyTree(report: Report, edges?: EdgeChoice): HTMLElement {
  return responsive((width) => draw(report, width, edges), { class: "tree" });
}
