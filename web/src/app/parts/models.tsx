// Choosing a model, and what it can be asked.
import { useEffect, useState } from "preact/hooks";
import { type Model, type Prompts, promptsOf } from "../models";

export function ModelSelect({ label, value, among, change }: {
  label: string; value: string; among: Model[]; change: (id: string) => void;
}) {
  return (
    <label class="model-select">{label}{" "}
      <select value={value} onChange={(e) => change(e.currentTarget.value)}>
        {!among.some((m) => m.id === value) && <option value={value}>{value ? `${value} (not served)` : "choose"}</option>}
        {among.map((m) => <option key={m.id} value={m.id}>{m.id}</option>)}
      </select>
    </label>
  );
}

const NONE: Prompts = { about: "", words: null, examples: [] };

/** Empty until the server has said it, and where it says nothing. */
export function usePrompts(model: string): Prompts {
  const [prompts, set] = useState(NONE);
  useEffect(() => {
    let current = true;
    set(NONE);
    if (model) promptsOf(model).then((p) => { if (current) set(p); }, () => {});
    return () => { current = false; };
  }, [model]);
  return prompts;
}

/** The words of a closed vocabulary. */
export function useWords(prompts: Prompts): ReadonlySet<string> | null {
  const [words, set] = useState<ReadonlySet<string> | null>(null);
  useEffect(() => set(prompts.words && new Set(prompts.words)), [prompts]);
  return words;
}

/** One click each. */
export function Examples({ model, prompts, take }: { model: string; prompts: Prompts; take: (turns: string[]) => void }) {
  if (!prompts.about && prompts.examples.length === 0) return null;
  return (
    <section class="examples" aria-label="Examples">
      <p class="muted">{model} {prompts.about}. For example:</p>
      <ul>
        {prompts.examples.map((e) => (
          <li key={e.about}>
            <button type="button" onClick={() => take(e.turns)} title={`a right answer: ${e.answer}`}>
              <span class="example-about">{e.about}</span> {e.turns.join(" / ")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
