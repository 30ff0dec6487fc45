// How answers are drawn.
import type { Signal } from "@preact/signals";

export interface Sampling {
  temperature: number;
  top_p: number;
  max_tokens: number | null; // null: as many as the context holds
  seed: number | null; // null: another one for each answer, which is recorded with it
  presence_penalty: number;
  frequency_penalty: number;
}

export const SAMPLING: Sampling = {
  temperature: 0.7, top_p: 1, max_tokens: null, seed: null, presence_penalty: 0, frequency_penalty: 0,
};

type Numeric = Exclude<keyof Sampling, "seed" | "max_tokens">;
const FIELDS: { name: Numeric; label: string; min: number; max: number; step: number; about: string }[] = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.1, about: "0 draws the likeliest token each time" },
  { name: "top_p", label: "Top p", min: 0.01, max: 1, step: 0.01, about: "draws from the likeliest tokens that have this probability together" },
  { name: "presence_penalty", label: "Presence penalty", min: -2, max: 2, step: 0.1, about: "against tokens that were drawn already" },
  { name: "frequency_penalty", label: "Frequency penalty", min: -2, max: 2, step: 0.1, about: "the same, for each time" },
];

const WHOLE: { name: "max_tokens" | "seed"; label: string; min: number; none: string; about: string }[] = [
  { name: "max_tokens", label: "Tokens at most", min: 1, none: "as many as fit", about: "of an answer; it may end before" },
  { name: "seed", label: "Seed", min: 0, none: "another each time", about: "the same seed draws the same answer" },
];

export function SamplingFields({ value }: { value: Signal<Sampling> }) {
  const set = (change: Partial<Sampling>) => { value.value = { ...value.value, ...change }; };
  return (
    <fieldset class="sampling">
      <legend>Sampling</legend>
      {FIELDS.map((f) => (
        <label key={f.name} title={f.about}>{f.label}
          <input type="number" min={f.min} max={f.max} step={f.step} value={value.value[f.name]}
            onChange={(e) => {
              const given = e.currentTarget.valueAsNumber;
              if (Number.isFinite(given)) set({ [f.name]: Math.min(f.max, Math.max(f.min, given)) });
              e.currentTarget.value = String(value.value[f.name]);
            }} />
        </label>
      ))}
      {WHOLE.map((f) => (
        <label key={f.name} title={f.about}>{f.label}
          <input type="number" min={f.min} max={2 ** 53 - 1} step={1} placeholder={f.none} value={value.value[f.name] ?? ""}
            onChange={(e) => {
              const given = e.currentTarget.valueAsNumber;
              set({ [f.name]: Number.isSafeInteger(given) && given >= f.min ? given : null });
              e.currentTarget.value = String(value.value[f.name] ?? "");
            }} />
        </label>
      ))}
      <button type="button" onClick={() => { value.value = SAMPLING; }}>Defaults</button>
    </fieldset>
  );
}

const LARGEST_SEED = 2 ** 31;

/** The sampling of one answer: with a seed, so that it can be drawn again. */
export function drawn(s: Sampling): Sampling & { seed: number } {
  return { ...s, seed: s.seed ?? Math.floor(Math.random() * LARGEST_SEED) };
}

export function described(s: Sampling): string {
  return [`temperature ${s.temperature}`, s.top_p < 1 && `top p ${s.top_p}`,
    s.presence_penalty !== 0 && `presence ${s.presence_penalty}`,
    s.frequency_penalty !== 0 && `frequency ${s.frequency_penalty}`, s.seed !== null && `seed ${s.seed}`,
  ].filter(Boolean).join(", ");
}
