// The form that makes a set to be ranked: prompts, the models that answer them, how many answers.
import { signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { postJson, reason } from "../api";
import { promptsOf as examplesOf, talkers } from "../models";
import { makeSet, type NewPrompt, type Prompt, promptsOf, readFile } from "../rankings";
import { stored } from "../stored";

interface Form { title: string; text: string; models: string[]; k: number; temperature: number }
const form = stored<Form>("rank.maker", { title: "", text: "", models: [], k: 4, temperature: 1 });
const set = (change: Partial<Form>) => { form.value = { ...form.value, ...change }; };

/** The answers that are being drawn, though another view may be on the screen. */
const drawing = signal<{ stop: AbortController; told: string } | null>(null);
const fault = signal("");

const LEAST = 2, MOST = 9; // answers to a prompt
const MOST_SAME = 3; // further draws for an answer that is there already
const STOPPED = "stopped";

async function drawAnswers(p: Prompt, f: Form, stop: AbortSignal, add: (a: NewPrompt["answers"][number]) => number): Promise<void> {
  interface Chat { choices: { message: { content: string } }[] }
  for (let seed = 1, n = 0; n < f.k && seed <= f.k * MOST_SAME; ++seed) {
    const model = f.models[(seed - 1) % f.models.length]!;
    const sampling = { temperature: f.temperature, seed };
    const { choices } = await postJson<Chat>("/v1/chat/completions", { model, messages: p.messages, ...sampling }, stop);
    n = add({ text: choices[0]!.message.content, model, sampling });
  }
}

/**
 * K answers to each prompt, drawn in turns from the models. Prompts with fewer than two that differ are left
 * out, by their places in `prompts`. `why`: the fault that ended it, with what was drawn before it.
 */
async function answered(prompts: Prompt[], f: Form, stop: AbortSignal, step: (done: number) => void): Promise<{ made: NewPrompt[]; left: number[]; why: string }> {
  const made: NewPrompt[] = [], left: number[] = [];
  let why = "";
  for (const [i, p] of prompts.entries()) {
    const answers: NewPrompt["answers"] = [];
    const add = (a: NewPrompt["answers"][number]) => {
      if (a.text.trim() && !answers.some((other) => other.text.trim() === a.text.trim())) answers.push(a);
      return answers.length;
    };
    for (const text of p.answers) add({ text, model: "" });
    try {
      if (p.answers.length === 0 && !why) await drawAnswers(p, f, stop, add);
    } catch (error) {
      why = stop.aborted ? STOPPED : reason(error);
    }
    if (answers.length >= LEAST) made.push({ messages: p.messages, answers: answers.slice(0, MOST) });
    else left.push(i);
    step(i + 1);
  }
  return { made, left, why };
}

/** Makes the set; the prompts that are left out stay in the form. */
async function make(): Promise<void> {
  const f = form.value, stop = new AbortController();
  fault.value = "";
  drawing.value = { stop, told: "" };
  try {
    const prompts = promptsOf(f.text);
    if (prompts.length === 0) throw new Error("there is no prompt");
    if (f.models.length === 0 && prompts.some((p) => p.answers.length < LEAST)) throw new Error("choose the models that answer");
    const { made, left, why } = await answered(prompts, f, stop.signal, (n) => { drawing.value = { stop, told: `${n} of ${prompts.length} prompts answered` }; });
    if (made.length === 0) throw new Error(why || "no prompt has two answers that differ; choose a higher temperature, or further models");
    await makeSet(f.title, made);
    const lines = f.text.split("\n").filter((line) => line.trim());
    fault.value = left.length > 0 ? `${left.length} prompts are left out: ${why || "their answers are all the same"}` : "";
    set({ title: left.length > 0 ? f.title : "", text: left.map((i) => lines[i]).join("\n") });
  } catch (error) {
    fault.value = reason(error);
  }
  drawing.value = null;
}

export function Maker({ file: given }: { file: { name: string; prompts: number } | null }) {
  const file = useRef<HTMLInputElement>(null);
  const f = form.value;
  const fromServer = () => readFile().then(({ name, prompts }) => set({ title: f.title || name,
    text: prompts.map((p) => JSON.stringify({ messages: p.messages, ...(p.answers.length > 0 && { responses: p.answers }) })).join("\n") }));
  const fromModel = () => examplesOf(f.models[0] ?? talkers.value[0]!.id).then(({ examples }) => set({ text: examples.map((x) => x.turns[0]).join("\n") }));
  const orFault = (work: Promise<void>) => void work.catch((error) => { fault.value = reason(error); });
  return (
    <form class="maker" onSubmit={(e) => { e.preventDefault(); void make(); }}>
      <h2>Make a set</h2>
      <label>Title <input required maxLength={100} dir="auto" value={f.title} onInput={(e) => set({ title: e.currentTarget.value })} /></label>
      <label>Prompts, one a line, or lines of JSON
        <textarea rows={5} dir="auto" value={f.text} onInput={(e) => set({ text: e.currentTarget.value })} />
      </label>
      <div class="row">
        <button type="button" onClick={() => file.current!.click()}>From a file</button>
        <input ref={file} type="file" hidden aria-label="A file of prompts" onChange={async (e) => { const input = e.currentTarget; set({ text: await input.files![0]!.text() }); input.value = ""; }} />
        {given && <button type="button" onClick={() => orFault(fromServer())}>{given.prompts} prompts of {given.name}</button>}
        {talkers.value.length > 0 && <button type="button" onClick={() => orFault(fromModel())}>Examples of the model</button>}
      </div>
      <fieldset class="row"><legend>Models that answer</legend>
        {talkers.value.map((m) => (
          <label key={m.id}><input type="checkbox" checked={f.models.includes(m.id)}
            onChange={(e) => set({ models: e.currentTarget.checked ? [...form.value.models, m.id] : form.value.models.filter((id) => id !== m.id) })} /> {m.id}</label>
        ))}
      </fieldset>
      <div class="row">
        <label>Answers to a prompt <input type="number" min={LEAST} max={MOST} value={f.k} onChange={(e) => set({ k: Math.min(MOST, Math.max(LEAST, e.currentTarget.valueAsNumber || 4)) })} /></label>
        <label>Temperature <input type="number" min={0} max={2} step={0.1} value={f.temperature} onChange={(e) => set({ temperature: e.currentTarget.valueAsNumber || 0 })} /></label>
        {drawing.value
          ? <button type="button" onClick={(e) => { e.preventDefault(); drawing.value?.stop.abort(); }}>Stop</button>
          : <button type="submit">Make the set</button>}
      </div>
      <p aria-live="polite">{drawing.value?.told}</p>
      {fault.value && <p class="bad" role="alert">{fault.value}</p>}
    </form>
  );
}
