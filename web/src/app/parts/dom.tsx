// A piece of the report inside this page: an element that a function of web/src/components draws.
import { useEffect, useRef } from "preact/hooks";

/** Drawn again when a value of `inputs` changes. */
export function Drawing({ draw, inputs }: { draw: () => Node; inputs: unknown[] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => { place.current!.replaceChildren(draw()); }, inputs);
  return <div ref={place} />;
}
