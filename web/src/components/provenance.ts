// Where every number comes from: enough to grow the same tree again and to see that it is the same.
import { h } from "../dom";
import { duration, exact, plural, short } from "../format";
import { kind, stageName, treeOrder } from "../lineage";
import { machine, seconds, type Node, type Report } from "../report";
import { table } from "./table";

function list(rows: [string, string | HTMLElement | undefined][]): HTMLElement {
  return h("dl", { class: "facts" }, ...rows.flatMap(([label, value]) =>
    value ? [h("dt", {}, label), h("dd", {}, value)] : []));
}

const when = (time: string) => time.replace("T", " ").replace("Z", " UTC");
const digest = (d: string) => h("code", { title: d }, short(d));

function one(node: Node): HTMLElement {
  return h("details", { class: `origin kind-${kind(node)}` },
    h("summary", {}, h("span", { class: "dot", "aria-hidden": "true" }), h("strong", {}, node.name),
      h("span", { class: "muted" }, ` ${stageName(node)}${node.parents.length ? ` of ${node.parents.join(", ")}` : ""}, ${plural(node.tokens, "token")}`)),
    h("h4", {}, "Grown"),
    table(["seed", "weights", "identity", "at", "training", "Lineage"], node.grown.map((g) => [
      String(g.seed), digest(g.weights), digest(g.identity), when(g.created),
      g.seconds === null ? "" : duration(g.seconds), g.code])),
    h("h4", {}, "Data"),
    table(["source", "kind", "licence", "documents", "tokens", "trained on", "epochs", "digest"], node.data.map((d) => [
      d.name, d.kind, d.licence, exact(d.documents), exact(d.tokens), exact(d.trained), d.epochs.toFixed(2), digest(d.digest)])),
    h("p", { class: "muted" }, "tokenizer ", digest(node.tokenizer)),
    h("h4", {}, "Configuration"), h("pre", {}, node.config));
}

export function provenance(report: Report): HTMLElement {
  return h("div", { class: "provenance" },
    list([
      ["recipe", report.name],
      ["seeds", report.seeds.join(", ")],
      ["machine", machine(report)],
      ["time", seconds(report) ? duration(seconds(report)) : undefined],
      ["report made", `${when(report.created)}, Lineage ${report.code}`],
    ]),
    report.runs.length > 0 && h("h4", {}, "Commands"),
    report.runs.length > 0 && table(["command", "started", "time", "Lineage"], report.runs.map((r) => [
      h("code", {}, r.command), when(r.started), r.seconds === null ? "" : duration(r.seconds), r.code])),
    h("h4", {}, "Nodes"),
    ...treeOrder(report.nodes).map(({ node }) => one(node)),
    report.recipe && h("details", {}, h("summary", {}, h("strong", {}, "The recipe"), h("span", { class: "muted" }, " as merged")), h("pre", {}, report.recipe)),
    ...report.notes.map((n) => h("p", { class: "muted" }, n)));
}
