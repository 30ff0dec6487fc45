// Elements by function call; nothing is ever parsed as HTML, so data cannot become markup.

type Child = globalThis.Node | string | number | null | undefined | false;
type Props = Record<string, string | number | boolean | EventListener | null | undefined>;

function fill<E extends Element>(element: E, props: Props, children: Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof globalThis.Node ? child : String(child));
  return element;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), props, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/** A box whose content is drawn for its width, and again when that changes. */
export function responsive(draw: (width: number) => Element, props: Props = {}): HTMLElement {
  const box = h("div", props);
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.floor(box.clientWidth);
    if (width === 0 || width === drawn) return;
    drawn = width;
    box.replaceChildren(draw(width));
    // Plot names the parts of a figure; a name wants a role that can have one.
    for (const part of box.querySelectorAll("svg g[aria-label]")) part.setAttribute("role", "group");
  }).observe(box);
  return box;
}

/** A row of buttons of which one is chosen. */
export function choice<T extends string>(
  label: string,
  options: [T, string][],
  chosen: T,
  change: (value: T) => void,
): HTMLElement {
  const buttons = options.map(([value, text]) =>
    h("button", {
      type: "button",
      "aria-pressed": String(value === chosen),
      onclick: () => {
        for (const [i, b] of buttons.entries())
          b.setAttribute("aria-pressed", String(options[i]![0] === value));
        change(value);
      },
    }, text),
  );
  return h("div", { class: "choice", role: "group", "aria-label": label }, ...buttons);
}
