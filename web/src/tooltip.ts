// One floating box for the whole page; it follows the pointer's target or the keyboard focus.
import { h } from "./dom";

const GAP = 8;
let box: HTMLElement | undefined;

function show(target: Element, content: () => globalThis.Node): void {
  box ??= document.body.appendChild(h("div", { class: "tooltip", role: "tooltip", id: "tooltip" }));
  box.replaceChildren(content());
  box.style.display = "block";
  target.setAttribute("aria-describedby", "tooltip");
  const at = target.getBoundingClientRect();
  const own = box.getBoundingClientRect();
  const left = Math.min(Math.max(GAP, at.left + at.width / 2 - own.width / 2),
    document.documentElement.clientWidth - own.width - GAP);
  const above = at.top - own.height - GAP;
  box.style.left = `${Math.max(GAP, left)}px`;
  box.style.top = `${above > GAP ? above : at.bottom + GAP}px`;
}

function hide(target: Element): void {
  if (box) box.style.display = "none";
  target.removeAttribute("aria-describedby");
}

export function describe<E extends Element>(target: E, content: () => globalThis.Node): E {
  target.addEventListener("pointerenter", () => show(target, content));
  target.addEventListener("pointerleave", () => hide(target));
  target.addEventListener("focus", () => show(target, content));
  target.addEventListener("blur", () => hide(target));
  target.addEventListener("keydown", (e) => {
    if ((e as KeyboardEvent).key === "Escape") hide(target);
  });
  return target;
}

/** A heading and rows of label and value. */
export function facts(title: string, rows: [string, string | undefined][]): HTMLElement {
  return h("div", {},
    h("strong", {}, title),
    h("dl", {}, ...rows.flatMap(([label, value]) =>
      value ? [h("dt", {}, label), h("dd", {}, value)] : [])));
}
