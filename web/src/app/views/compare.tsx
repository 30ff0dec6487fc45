// Up to four models side by side on one prompt, streamed together; each answer's tokens are coloured
// by how much likelier they are to its model than to that model's parent.
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { postJson, postStream, reason } from "../api";
import { furthest, type Model, modelOf, talkers, writers } from "../models";
import { Composer } from "../parts/composer";
import { Examples, ModelSelect, usePrompts, useWords } from "../parts/models";
import { described, drawn, SAMPLING, type Sampling, SamplingFields } from "../parts/sampling";
import { percentOf, type ShownToken, Tokens } from "../parts/tokens";
import { link, route } from "../route";
import { stored } from "../stored";

const MOST = 4;

const chosen = stored<string[]>("compare.models", []);
const prompt = stored("compare.prompt", "");
const asChat = stored("compare.chat", true);
const sampling = stored<Sampling>("compare.sampling", { ...SAMPLING, temperature: 0 });

interface Column {
  model: string;
  text: string;
  tokens: ShownToken[] | null; // null: their log-ratios are not known, or not yet
  note: string;
  finish: string;
  error: string;
  firstToken: number | null; // ms
  rate: number | null; // tokens/s
}

interface Comparison { prompt: string; chat: boolean; sampling: Sampling & { seed: number }; columns: Column[] }

/** The one on the screen, and one being made. */
const shown = stored<Comparison | null>("compare.shown", null);
const attention = signal(0);
const running = signal<AbortController | null>(null);

interface Scored { token: string; logprob: number; log_ratio?: number }
interface Compared { models: { model: string; answer: { tokens: Scored[] } }[] }

function put(i: number, change: Partial<Column>): void {
  const now = shown.value!;
  shown.value = { ...now, columns: now.columns.with(i, { ...now.columns[i]!, ...change }) };
}

const asked = (c: Comparison) => (c.chat ? { messages: [{ role: "user", content: c.prompt }] } : { prompt: c.prompt });

async function write(i: number, c: Comparison, signal: AbortSignal): Promise<void> {
  const { model } = c.columns[i]!;
  const { temperature, top_p, max_tokens, seed, presence_penalty, frequency_penalty } = c.sampling;
  const body = { ...asked(c), model, temperature, top_p, max_tokens, seed, presence_penalty, frequency_penalty };
  interface Chunk { choices: { text?: string; delta?: { content?: string }; finish_reason: string | null }[] }
  const began = performance.now();
  let text = "", pieces = 0, first = 0, last = 0, frame = 0;
  try {
    for await (const chunk of postStream<Chunk>(c.chat ? "/v1/chat/completions" : "/v1/completions", body, signal)) {
      const choice = chunk.choices[0];
      const piece = choice?.text ?? choice?.delta?.content;
      if (piece) {
        last = performance.now();
        if (++pieces === 1) first = last;
        text += piece;
        frame ||= requestAnimationFrame(() => { frame = 0; put(i, { text }); });
      }
      if (choice?.finish_reason) put(i, { finish: choice.finish_reason });
    }
  } catch (error) {
    put(i, { finish: "failed", error: reason(error) });
  }
  cancelAnimationFrame(frame);
  put(i, { text, ...(signal.aborted && { finish: "stopped" }),
    firstToken: pieces ? Math.round(10 * (first - began)) / 10 : null,
    rate: pieces > 1 ? (1000 * (pieces - 1)) / Math.max(1, last - first) : null });
  if (text.trim()) await score(i, c, text);
}

/** The tokens of an answer with their probability for its model and for that model's parent. */
async function score(i: number, c: Comparison, text: string): Promise<void> {
  const { model } = c.columns[i]!;
  const parent = modelOf(model)?.parent;
  const judge = (models: string[]) => postJson<Compared>("/v1/lineage/compare", { ...asked(c), models, answer: text });
  try {
    if (!parent) throw new Error(`${model} has no parent here`);
    if (c.chat && !talkers.value.some((m) => m.id === parent)) throw new Error(`its parent, ${parent}, takes no conversations`);
    const both = await judge([model, parent]);
    const [own, theirs] = [model, parent].map((id) => both.models.find((m) => m.model === id)!.answer.tokens);
    put(i, { note: `against ${parent}`, tokens: own!.map((t, k) => ({
      text: t.token, value: t.logprob - theirs![k]!.logprob,
      note: `${percentOf(t.logprob)}, ${percentOf(theirs![k]!.logprob)} to ${parent}` })) });
  } catch (error) {
    const why = reason(error);
    await judge([model]).then((alone) => put(i, { note: `no colours: ${why}`, tokens: alone.models[0]!.answer.tokens.map((t) => ({
      text: t.token, value: null, note: percentOf(t.logprob) })) }), () => put(i, { note: `no probabilities: ${why}` }));
  }
}

async function compare(): Promise<void> {
  running.value?.abort();
  const control = new AbortController();
  const c: Comparison = { prompt: prompt.value, chat: asChat.value, sampling: drawn(sampling.value),
    columns: chosen.value.filter((id) => modelOf(id)).map((model) => ({
      model, text: "", tokens: null, note: "", finish: "", error: "", firstToken: null, rate: null })) };
  shown.value = c;
  running.value = control;
  await Promise.all(c.columns.map((_, i) => write(i, c, control.signal)));
  if (running.value === control) running.value = null;
}

function ColumnOf({ c, column }: { c: Comparison; column: Column }) {
  return (
    <article class="column" aria-label={column.model} aria-busy={!column.finish}>
      <h2>{column.model}</h2>
      {column.tokens
        ? <Tokens label={`Answer of ${column.model}`} tokens={column.tokens} by="ratio" />
        : <p class="said" dir="auto">{column.text}</p>}
      {column.finish && !column.text && !column.error && <p class="muted">(nothing)</p>}
      {column.error && <p class="bad" role="alert">{column.error}</p>}
      <p class="numbers">{[column.finish === "length" && "cut: its tokens are used up", column.finish === "stopped" && "stopped",
        column.rate !== null && `${Math.round(column.rate)} tokens/s`, column.firstToken !== null && `first after ${column.firstToken} ms`,
        column.note].filter(Boolean).join(" · ")}</p>
      <p class="acts"><a href={link(c.chat ? "chat" : "completion", { model: column.model, prompt: c.prompt })}>Go on with {column.model}</a></p>
    </article>
  );
}

/** A tuned model and its parent, if there are such. */
function usual(): string[] {
  const child = furthest(talkers.value.filter((m) => talkers.value.some((p) => p.id === m.parent)));
  return child ? [child.parent!, child.id] : writers.value.slice(0, 2).map((m) => m.id);
}

function Choice() {
  const among: Model[] = asChat.value ? talkers.value : writers.value;
  const set = (models: string[]) => { chosen.value = models; };
  return (
    <div class="row">
      {chosen.value.map((id, i) => (
        <span key={i} class="chosen">
          <ModelSelect label={`Model ${i + 1}`} value={id} among={among} change={(now) => set(chosen.value.with(i, now))} />
          {chosen.value.length > 1 && <button type="button" aria-label={`Without ${id}`} onClick={() => set(chosen.value.toSpliced(i, 1))}>×</button>}
        </span>
      ))}
      {chosen.value.length < MOST && <button type="button" onClick={() => set([...chosen.value, among.find((m) => !chosen.value.includes(m.id))?.id ?? among[0]!.id])}>Add a model</button>}
      <span class="choice" role="group" aria-label="Form of the prompt">
        <button type="button" aria-pressed={asChat.value} onClick={() => { asChat.value = true; set(chosen.value.filter((id) => talkers.value.some((m) => m.id === id))); if (!chosen.value.length) set(usual()); }}>question</button>
        <button type="button" aria-pressed={!asChat.value} onClick={() => { asChat.value = false; }}>text to go on with</button>
      </span>
    </div>
  );
}

export function CompareView() {
  const settled = useSignal(false);
  useEffect(() => {
    const { models, prompt: given } = Object.fromEntries(route.value.query);
    if (models) {
      const wanted = models.split(",").filter((id) => modelOf(id)).slice(0, MOST);
      asChat.value = wanted.every((id) => talkers.value.some((m) => m.id === id));
      if (wanted.length) chosen.value = wanted;
      if (given) prompt.value = given;
      history.replaceState(null, "", link("compare"));
      route.value = { view: "compare", query: new URLSearchParams() };
    }
    if (!chosen.value.some((id) => modelOf(id))) chosen.value = usual();
    // One that was being made when the page was closed has ended.
    if (shown.value && !running.value && shown.value.columns.some((c) => !c.finish))
      shown.value = { ...shown.value, columns: shown.value.columns.map((c) => (c.finish ? c : { ...c, finish: "stopped" })) };
    settled.value = true;
  }, [route.value]);
  const prompts = usePrompts(chosen.value[0] ?? "");
  const words = useWords(prompts);
  const c = shown.value;
  if (!settled.value) return <p class="muted">Opening …</p>;
  if (writers.value.length === 0) return <p class="muted">No model here writes text.</p>;
  return (
    <div class="compare">
      <Choice />
      <details class="settings"><summary>Sampling</summary><SamplingFields value={sampling} /></details>
      <Composer label="Prompt" text={prompt.value} change={(t) => { prompt.value = t; }} words={words} button="Compare" focus={attention.value}
        busy={running.value !== null} stop={() => running.value?.abort()} send={() => void compare()} />
      {!c && <Examples model={chosen.value[0]!} prompts={prompts} take={(turns) => { prompt.value = turns[0]!; ++attention.value; }} />}
      {c && (
        <section aria-label="Answers">
          <p class="asked" dir="auto">{c.prompt}</p>
          <div class="columns" style={`--columns:${c.columns.length}`}>{c.columns.map((column, i) => <ColumnOf key={i} c={c} column={column} />)}</div>
          <p class="key-line">
            <span class="token" style="--strength:45%;--hue:var(--better)">likelier</span> and <span class="token" style="--strength:45%;--hue:var(--worse)">less likely</span> than to the model's parent: the stage between them made it so. {described(c.sampling)}
          </p>
        </section>
      )}
    </div>
  );
}
