// A plain table whose rows begin with their heads.
import { h } from "../dom";

/** A cell whose further lines are small. */
export function stack([first, ...rest]: string[]): HTMLElement {
  return h("span", { class: "stack" }, first, ...rest.map((line) => h("small", {}, line)));
}

export function table(head: string[], rows: (string | HTMLElement)[][]): HTMLElement {
  return h("div", { class: "scroll" }, h("table", { class: "plain" },
    h("thead", {}, h("tr", {}, ...head.map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, ...rows.map((r) => h("tr", {}, ...r.map((c, i) =>
      h(i === 0 ? "th" : "td", i === 0 ? { scope: "row" } : {}, c)))))));
}
