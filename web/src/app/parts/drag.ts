// Dragging by mouse, pen and touch alike: the pointer's events of a handle, and the place under it.
import { signal } from "@preact/signals";

/** The text that is dragged, where the pointer is, and the place under it. */
export const dragged = signal<{ text: string; x: number; y: number; over: Element | null } | null>(null);

/**
 * The events of a handle that can be dropped on what `selector` finds. A handle needs `touch-action: none`,
 * else a finger scrolls.
 */
export function handleOf(text: string, selector: string, drop: (on: Element) => void) {
  const move = (e: PointerEvent) => {
    dragged.value = { text, x: e.clientX, y: e.clientY, over: document.elementFromPoint(e.clientX, e.clientY)?.closest(selector) ?? null };
  };
  return {
    onPointerDown: (e: PointerEvent) => {
      if (e.button !== 0 || !e.isPrimary) return;
      e.preventDefault(); // no selection begins
      (e.currentTarget as Element).setPointerCapture(e.pointerId);
      move(e);
    },
    onPointerMove: (e: PointerEvent) => { if (dragged.value) move(e); },
    onPointerUp: (e: PointerEvent) => {
      if (!dragged.value) return;
      move(e);
      const { over } = dragged.value;
      dragged.value = null;
      if (over) drop(over);
    },
    onPointerCancel: () => { dragged.value = null; },
  };
}
