// Kinds of request, behaviours and terms of the utility, with their meaning below.
import { h } from "../dom";
import type { Report, Word } from "../report";

export function wordOf(report: Report, id: string): Word {
  return report.words.find((w) => w.id === id) ?? { id, name: id, about: "" };
}

export function word(report: Report, id: string, before = ""): HTMLElement {
  const { name, about } = wordOf(report, id);
  return h("span", { class: "word" }, `${before}${name}`, about && h("small", {}, about));
}
