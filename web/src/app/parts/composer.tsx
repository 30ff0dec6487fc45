// A field for a prompt: Enter sends and Shift-Enter makes a line where there is a keyboard; words that
// the model does not know are marked while they are typed.
import { useLayoutEffect, useRef } from "preact/hooks";
import { marked, respelled, unknownWords } from "./words";

// Without a keyboard Enter makes a line, and the button sends.
const touch = matchMedia("(pointer: coarse)");

interface Props {
  label: string;
  text: string;
  change: (text: string) => void;
  send: () => void;
  words: ReadonlySet<string> | null; // null: any text is known
  busy?: boolean;
  stop?: () => void;
  button?: string;
  /** The field takes the focus at first, and when this changes. */
  focus?: number;
}

export function Composer({ label, text, change, send, words, busy = false, stop, button = "Send", focus = 0 }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  // Before the paint: an Enter that follows at once is the field's.
  useLayoutEffect(() => { if (!touch.matches) field.current?.focus(); }, [focus]);
  const unknown = words ? unknownWords(text, words) : [];
  const respellable = words !== null && unknown.some((u) => u.known);
  const keys = (e: KeyboardEvent) => {
    if (e.key === "Escape" && busy) stop?.();
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || touch.matches) return;
    e.preventDefault();
    if (!busy && text.trim()) send();
  };
  return (
    <form class="composer" onSubmit={(e) => { e.preventDefault(); if (!busy && text.trim()) send(); }}>
      <div class="composer-text">
        <div class="composer-marks" aria-hidden="true">
          {words ? marked(text, words).map((p, i) => (p.known ? p.text : <mark key={i}>{p.text}</mark>)) : text}{"\n"}
        </div>
        <textarea ref={field} aria-label={label} rows={1} dir="auto" value={text} spellcheck={false}
          onInput={(e) => change(e.currentTarget.value)} onKeyDown={keys} />
      </div>
      {/* It is one button of the document: by the end of its click, Stop may have become the one that sends. */}
      {busy && stop
        ? <button type="button" onClick={(e) => { e.preventDefault(); stop(); }}>Stop</button>
        : <button type="submit" disabled={busy || !text.trim()}>{button}</button>}
      <p class="composer-note" aria-live="polite">
        {unknown.length > 0 && <>
          Not known: {unknown.slice(0, 6).map((u) => u.word).join(", ")}{unknown.length > 6 && " …"}
          {respellable && <> <button type="button" onClick={() => change(respelled(text, words!))}>Spell as it knows: {unknown.filter((u) => u.known).slice(0, 3).map((u) => u.known).join(", ")}</button></>}
        </>}
      </p>
    </form>
  );
}
