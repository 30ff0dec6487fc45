// The same prompt, put to every node.
import { h } from "../dom";
import { kind, treeOrder } from "../lineage";
import type { Report, Sample } from "../report";

function answer(report: Report, sample: Sample, name: string): HTMLElement | null {
  const found = sample.answers.find((a) => a.node === name);
  const node = report.nodes.find((n) => n.name === name);
  if (!found || !node) return null;
  const mark = found.correct === null ? null
    : h("span", { class: found.correct ? "mark right" : "mark wrong" }, found.correct ? "✓ right" : "✗ wrong");
  return h("article", { class: `answer kind-${kind(node)}` },
    h("h4", {}, h("span", { class: "dot", "aria-hidden": "true" }), name, mark),
    h("pre", {}, found.text.trim() === "" ? h("em", {}, "(nothing)") : found.text.replace(/^\n+/, "")));
}

export function sampleView(report: Report, sample: Sample): HTMLElement {
  const accepts = report.explanations.find((e) => e.ability === sample.ability)?.accepts ?? "";
  return h("div", { class: "sample" },
    h("div", { class: "prompt" },
      h("h4", {}, "Prompt"), sample.prompt.trim()
        ? h("pre", {}, sample.prompt) : h("p", { class: "muted" }, "none: the model chooses between whole texts"),
      sample.wanted && h("h4", {}, accepts ? "Wanted, for example" : "Wanted"), sample.wanted && h("pre", { class: "wanted" }, sample.wanted),
      sample.wanted && accepts && h("p", { class: "accepts" }, accepts)),
    h("div", { class: "answers" }, ...treeOrder(report.nodes).map(({ node }) => answer(report, sample, node.name))));
}

/** The sample to begin with: of those with a prompt the one that divides the nodes most evenly. */
export function mostTelling(all: Sample[]): number {
  const divided = all.map((s) => s.prompt.trim()
    ? Math.min(...[true, false].map((right) => s.answers.filter((a) => a.correct === right).length)) : -1);
  return divided.indexOf(Math.max(...divided));
}

export function samples(report: Report): HTMLElement {
  if (!report.samples.length) return h("p", { class: "empty" }, "No answers were kept yet.");
  const names = new Map(report.abilities.map((a) => [a.id, `${a.id} ${a.name}`]));
  const groups = [...new Set(report.samples.map((s) => s.ability))];
  const title = (s: Sample) => (s.prompt.trim() || s.wanted).replace(/\s+/g, " ").slice(0, 70);
  const select = h("select", { "aria-label": "Prompt", onchange: () => show(Number(select.value)) },
    ...groups.map((g) => h("optgroup", { label: names.get(g) ?? g },
      ...report.samples.flatMap((s, i) => (s.ability === g ? [h("option", { value: i }, title(s))] : [])))));
  const place = h("div");
  const show = (i: number) => {
    select.value = String(i);
    place.replaceChildren(sampleView(report, report.samples[i]!));
  };
  const step = (by: number) => () => show((Number(select.value) + by + report.samples.length) % report.samples.length);
  show(mostTelling(report.samples));
  return h("div", {},
    h("div", { class: "picker" },
      h("button", { type: "button", onclick: step(-1), "aria-label": "Previous prompt" }, "←"), select,
      h("button", { type: "button", onclick: step(1), "aria-label": "Next prompt" }, "→")),
    place);
}
