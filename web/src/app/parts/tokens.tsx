// A text as its tokens, each coloured and with a note; one is walked to with the arrow keys.
import { useState } from "preact/hooks";

export interface ShownToken {
  text: string;
  /** 0 to 1 colours an unlikely token; or, for "ratio", the log-ratio to the parent. */
  value: number | null;
  note: string;
}

const STRONGEST = 3; // nats of a log-ratio that have the full colour
const STRONG = 45; // per cent of the full colour: the text stays readable on it

function colour(value: number | null, by: "probability" | "ratio"): string {
  if (value === null) return "";
  if (by === "probability") return `--strength:${Math.round(STRONG * (1 - value))}%;--hue:var(--worse)`;
  const strength = Math.min(1, Math.abs(value) / STRONGEST);
  return `--strength:${Math.round(STRONG * strength)}%;--hue:var(--${value > 0 ? "better" : "worse"})`;
}

const shown = (text: string) => text.replace(/\n/g, "⏎\n");

export function Tokens({ label, tokens, by, chosen, choose }: {
  label: string; tokens: ShownToken[]; by: "probability" | "ratio";
  chosen?: number | null; choose?: (i: number) => void;
}) {
  const [at, set] = useState(0); // the one that Tab leads to
  const keys = (e: KeyboardEvent) => {
    const next = e.key === "ArrowRight" ? at + 1 : e.key === "ArrowLeft" ? at - 1 : e.key === "Home" ? 0 : e.key === "End" ? tokens.length - 1 : -1;
    if (next < 0 || next >= tokens.length) return;
    e.preventDefault();
    set(next);
    (e.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(".token")[next]?.focus();
  };
  return (
    <div class="tokens" role="group" aria-label={label} dir="auto" onKeyDown={keys}>
      {tokens.map((t, i) => (
        <span key={i} role={choose ? "button" : "note"} class="token" style={colour(t.value, by)} tabIndex={i === Math.min(at, tokens.length - 1) ? 0 : -1}
          aria-pressed={choose ? chosen === i : undefined} title={t.note} aria-label={`${t.text.trim() || "blank"}: ${t.note}`}
          onFocus={() => set(i)} onClick={() => choose?.(i)}
          onKeyDown={(e) => { if (choose && (e.key === "Enter" || e.key === " ")) { e.preventDefault(); choose(i); } }}>{shown(t.text)}</span>
      ))}
    </div>
  );
}

export function percentOf(logProb: number): string {
  const p = 100 * Math.exp(logProb);
  return `${p >= 10 ? p.toFixed(0) : p >= 0.1 ? p.toFixed(1) : p.toPrecision(1)} %`;
}
