// A piece of the report that is drawn again while the page shows it: the new one takes the place of
// the old one when it is whole, so that nothing jumps; what was open stays open.
import { useEffect, useRef } from "preact/hooks";

/** Opens what is open in `before`, and focuses what has the focus there. */
function keepState(before: HTMLElement, after: HTMLElement): void {
  const both = (selector: string) => [[...before.querySelectorAll(selector)], [...after.querySelectorAll(selector)]] as const;
  const [old, fresh] = both("details");
  old.forEach((d, i) => fresh[i]?.toggleAttribute("open", d.hasAttribute("open")));
  const [from, to] = both("a, button, summary, [tabindex]");
  const at = from.indexOf(document.activeElement!);
  if (at >= 0) (to[at] as HTMLElement | undefined)?.focus({ preventScroll: true });
}

export function LiveDrawing({ draw, inputs }: { draw: () => HTMLElement; inputs: unknown[] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = place.current!.firstElementChild as HTMLElement | null;
    const after = draw();
    if (!before) return void place.current!.append(after);
    after.classList.add("drawn-aside"); // figures are drawn when they know their width
    place.current!.append(after);
    let frame = requestAnimationFrame(() => { frame = requestAnimationFrame(swap); });
    const swap = () => {
      keepState(before, after);
      before.remove();
      after.classList.remove("drawn-aside");
    };
    return () => { // a newer one comes before this one was shown
      cancelAnimationFrame(frame);
      if (before.isConnected) after.remove();
    };
  }, inputs);
  return <div class="live" ref={place} />;
}
