// Kinds of request, behaviours and terms of the utility: their names, and once a section what they mean.
import { h } from "../dom";
import type { Report, Word } from "../report";

export function wordOf(report: Report, id: string): Word {
  return report.words.find((w) => w.id === id) ?? { id, name: id, about: "" };
}

export function word(report: Report, id: string, before = ""): HTMLElement {
  const { name, about } = wordOf(report, id);
  return h("span", { title: about || null }, before, name);
}

/** The meaning of those words, in the report's order. */
export function wordList(report: Report, ids: string[]): HTMLElement | false {
  const own = report.words.filter((w) => w.about && ids.includes(w.id));
  return own.length > 0 && h("dl", { class: "words" }, ...own.map((w) => h("div", {}, h("dt", {}, w.name), h("dd", {}, w.about))));
}
