// The changes of each stage: for every edge of the tree the paired differences child - parent with
// their intervals, greatest improvement first.
import * as Plot from "@observablehq/plot";
import { choice, h, responsive } from "../dom";
import { count, plural, pValue, signed } from "../format";
import { kind, stageName } from "../lineage";
import { edges, type Change, type Edge, type Node, type Report } from "../report";

const ROW = 19;
const LABEL = { wide: 214, narrow: 150 };  // room for an ability's name, cut where it is longer
const NARROW = 420;

const changed = (c: Change) => c === "better" || c === "worse" || c === "other";

/** "Better: lists +.37, quantities +.22. Worse: labels −.14." with how many did not change. */
export function summary(edge: Edge): string {
  const of = (which: Change) => edge.rows.filter((r) => r.contrast.change === which);
  const list = (rows: Edge["rows"]) => rows.slice(0, 3)
    .map((r) => `${r.ability.name} ${signed(r.contrast.difference.value)}`).join(", ") +
    (rows.length > 3 ? ` and ${rows.length - 3} more` : "");
  const better = of("better"), worse = of("worse").reverse(), other = of("other");
  const open = of("open"), small = of("small");
  return [
    better.length ? `Better: ${list(better)}.` : "",
    worse.length ? `Worse: ${list(worse)}.` : "",
    other.length ? `Different: ${list(other)}.` : "",
    open.length ? `No significant change: ${open.length} of ${edge.rows.length}.` : "",
    small.length ? `Changed by less than .005: ${small.length}.` : "",
  ].filter(Boolean).join(" ");
}

/** The rows with a significant change that is not shown as .00. */
export function clear(edge: Edge): Edge {
  return { ...edge, rows: edge.rows.filter((r) => changed(r.contrast.change)) };
}

const ALPHA = 0.05;
const PALE = 0.4;

function figure(edge: Edge, domain: [number, number], width: number): HTMLElement | SVGSVGElement {
  const rows = edge.rows.map(({ ability, contrast }) => ({
    label: ability.label, ...contrast.difference, change: contrast.change,
    adjusted: contrast.holm === null || contrast.holm <= ALPHA,
    title: `${ability.label}\n${signed(contrast.difference.value, 3)}  [${signed(contrast.difference.low, 3)}, ${signed(contrast.difference.high, 3)}]\n${contrast.seeds > 1 ? `over items alone [${signed(contrast.items.low, 3)}, ${signed(contrast.items.high, 3)}]\n` : ""}${pValue(contrast.p)}${contrast.holm === null ? "" : `, after Holm ${pValue(contrast.holm)}`}\n${plural(contrast.n, "item")}, ${plural(contrast.seeds, "seed")}`,
  }));
  const colour = (d: { change: Change }) => `var(--${changed(d.change) ? d.change : "open"})`;
  const fontSize = width < NARROW ? 10.5 : 11.5, marginLeft = width < NARROW ? LABEL.narrow : LABEL.wide;
  return Plot.plot({
    width, height: rows.length * ROW + 34, marginLeft, marginRight: 40, marginTop: 4, marginBottom: 30,
    style: { fontSize: `${fontSize}px` },
    ariaLabel: `Differences ${edge.child} minus ${edge.parent}`,
    x: { domain, label: null, tickFormat: (v: number) => (v === 0 ? "0" : signed(v, 1)), ticks: 5, tickSize: 0 },
    y: { domain: rows.map((r) => r.label), label: null },
    marks: [
      // Plot reckons with a narrower font than the page's, hence the factor.
      Plot.axisY({ tickSize: 0, fontSize, lineWidth: 0.92 * (marginLeft - 12) / fontSize, textOverflow: "ellipsis" }),
      Plot.gridX({ ticks: 5, stroke: "var(--hairline)", strokeOpacity: 1 }),
      Plot.ruleX([0], { stroke: "var(--muted)" }),
      Plot.ruleY(rows, { y: "label", x1: "low", x2: "high", stroke: colour, strokeWidth: 2, strokeLinecap: "round" }),
      Plot.dot(rows, { y: "label", x: "value", r: 4, fill: (d) => (!changed(d.change) ? "var(--paper)" : d.adjusted ? colour(d) : `color-mix(in oklab, ${colour(d)} ${100 * PALE}%, var(--paper))`), stroke: colour, strokeWidth: 1.5 }),
      Plot.text(rows.filter((r) => changed(r.change)), {
        y: "label", x: domain[1], dx: 36, textAnchor: "end", text: (d) => signed(d.value), fill: colour, fontVariant: "tabular-nums" }),
      Plot.tip(rows, Plot.pointerY({ y: "label", x: "value", title: "title", maxRadius: 300 })),
    ],
  });
}

function asTable(edge: Edge): HTMLElement {
  const d = (r: Edge["rows"][number]) => r.contrast.difference;
  return h("details", {}, h("summary", {}, "as a table"),
    h("div", { class: "scroll" }, h("table", { class: "plain" },
      h("thead", {}, h("tr", {}, ...["ability", "difference", "interval", "over items alone", "p", "p (Holm)", "items", "seeds"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, ...edge.rows.map((r) => h("tr", {},
        h("th", { scope: "row" }, r.ability.label),
        h("td", {}, signed(d(r).value, 3)), h("td", {}, `${signed(d(r).low, 3)} to ${signed(d(r).high, 3)}`),
        h("td", {}, `${signed(r.contrast.items.low, 3)} to ${signed(r.contrast.items.high, 3)}`),
        h("td", {}, pValue(r.contrast.p).replace(/^p (= )?/, "")),
        h("td", {}, r.contrast.holm === null ? "" : pValue(r.contrast.holm).replace(/^p (= )?/, "")), h("td", {}, r.contrast.n), h("td", {}, r.contrast.seeds)))))));
}

export function panel(edge: Edge, child: Node | undefined, domain: [number, number], all: boolean): HTMLElement {
  const drawn = all ? edge : clear(edge);
  const control = edge.kind === "control";
  return h("figure", { class: `edge${control ? " control" : ""}`, "data-edge": `${edge.parent} ${edge.child}` },
    h("figcaption", {},
      control
        ? h("h3", {}, edge.child, h("span", { class: "arrow" }, " against its control "), edge.parent)
        : h("h3", {}, edge.parent, h("span", { class: "arrow", "aria-label": "to" }, " → "), edge.child),
      control ? h("p", { class: "stage" }, "what is left when the cost of the stage is the same") : child && h("p", { class: `stage kind-${kind(child)}` }, h("span", { class: "dot", "aria-hidden": "true" }),
        `${stageName(child)}, +${count(child.tokens)} tokens in ${plural(child.steps, "step")}`, child.control && " · control"),
      h("p", { class: "summary" }, summary(edge))),
    drawn.rows.length > 0
      ? responsive((width) => figure(drawn, domain, width), { class: "plot" })
      : h("div", {}),
    asTable(edge));
}

/** The axis of all panels, so that they can be compared. */
export function commonDomain(all: Edge[]): [number, number] {
  const ends = all.flatMap((e) => e.rows.flatMap((r) => [r.contrast.difference.low, r.contrast.difference.high]));
  const pad = 0.02;
  return [Math.min(-0.1, ...ends) - pad, Math.max(0.1, ...ends) + pad];
}

export function edgePanels(report: Report): HTMLElement {
  const all = edges(report);
  const nodes = new Map(report.nodes.map((n) => [n.name, n]));
  const domain = commonDomain(all);
  if (!all.length) return h("p", { class: "empty" }, "No child has been compared with its parent yet.");
  const place = h("div", { class: "edges" });
  const draw = (which: "clear" | "all") =>
    place.replaceChildren(...all.map((e) => panel(e, nodes.get(e.child), domain, which === "all")));
  draw("clear");
  return h("div", {},
    choice<"clear" | "all">("Which rows", [["clear", "what changed"], ["all", "all abilities"]], "clear", draw), place);
}
