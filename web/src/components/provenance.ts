// Where every number comes from: enough to grow the same tree again and to see that it is the same.
import { h } from "../dom";
import { duration, exact, plural, short } from "../format";
import { kind, stageName, treeOrder } from "../lineage";
import type { Node, Report } from "../report";

function list(rows: [string, string | HTMLElement | undefined][]): HTMLElement {
  return h("dl", { class: "facts" }, ...rows.flatMap(([label, value]) =>
    value ? [h("dt", {}, label), h("dd", {}, value)] : []));
}

function table(head: string[], rows: (string | HTMLElement)[][]): HTMLElement {
  return h("div", { class: "scroll" }, h("table", { class: "plain" },
    h("thead", {}, h("tr", {}, ...head.map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, ...rows.map((r) => h("tr", {}, ...r.map((c, i) =>
      h(i === 0 ? "th" : "td", i === 0 ? { scope: "row" } : {}, c)))))));
}

const digest = (d: string) => h("code", { title: d }, short(d));

function one(node: Node): HTMLElement {
  return h("details", { class: `origin kind-${kind(node)}` },
    h("summary", {}, h("span", { class: "dot", "aria-hidden": "true" }), h("strong", {}, node.name),
      h("span", { class: "muted" }, ` ${stageName(node)}${node.parents.length ? ` of ${node.parents.join(", ")}` : ""}, ${plural(node.tokens, "token")}`)),
    h("h4", {}, "Grown"),
    table(["seed", "weights", "identity", "at", "time", "code", "machine"], node.grown.map((g) => [
      String(g.seed), digest(g.weights), digest(g.identity), g.created.replace("T", " ").replace("Z", " UTC"),
      g.seconds === null ? "" : duration(g.seconds), g.code, g.machine])),
    h("h4", {}, "Data"),
    table(["source", "kind", "licence", "documents", "tokens", "trained on", "epochs", "digest"], node.data.map((d) => [
      d.name, d.kind, d.licence, exact(d.documents), exact(d.tokens), exact(d.trained), d.epochs.toFixed(2), digest(d.digest)])),
    ...[...new Set(node.grown.map((g) => g.command))].filter(Boolean).flatMap((c) => [h("h4", {}, "Command"), h("pre", {}, c)]),
    h("h4", {}, "Configuration"), h("pre", {}, node.config));
}

export function provenance(report: Report): HTMLElement {
  return h("div", { class: "provenance" },
    list([
      ["recipe", report.name],
      ["command", report.command ? h("code", {}, report.command) : undefined],
      ["seeds", report.seeds.join(", ")],
      ["machine", report.machine],
      ["time", report.seconds ? duration(report.seconds) : undefined],
      ["Lineage", report.code],
      ["report made", report.created.replace("T", " ").replace("Z", " UTC")],
    ]),
    ...treeOrder(report.nodes).map(({ node }) => one(node)),
    report.recipe && h("details", {}, h("summary", {}, h("strong", {}, "The recipe"), h("span", { class: "muted" }, " as merged")), h("pre", {}, report.recipe)),
    ...report.notes.map((n) => h("p", { class: "muted" }, n)));
}
