// A text that a model goes on with: base models as they are. Tokens show their probability and their
// alternatives, one of which can be taken in place of the one that was drawn.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getJson, postJson, postStream, reason } from "../api";
import { modelOf, writers } from "../models";
import { Composer } from "../parts/composer";
import { ModelSelect, usePrompts, useWords } from "../parts/models";
import { drawn, SAMPLING, type Sampling, SamplingFields } from "../parts/sampling";
import { percentOf, Tokens } from "../parts/tokens";
import { link, route } from "../route";
import { stored } from "../stored";

const ALTERNATIVES = 8;
const MOST_UNDONE = 100;

interface Token {
  text: string;
  id: number | null;
  logProb: number | null; // null: of the first token of a text
  others: [string, number][]; // with their log-probability, the likeliest first
  at: number; // characters (code points) of the text before it
}

/** The text, and its tokens from `from` (in characters) on; none where the text was edited since. */
interface Page { text: string; from: number; tokens: Token[] }

const model = stored("completion.model", "");
const sampling = stored<Sampling>("completion.sampling", { ...SAMPLING, max_tokens: 48 });
const page = stored<Page>("completion.page", { text: "", from: 0, tokens: [] });
const undone = signal<{ past: Page[]; future: Page[] }>({ past: [], future: [] });
const running = signal<AbortController | null>(null);
const fault = signal("");
const chosen = signal<number | null>(null);
const numbers = signal("");

interface LogProbs { tokens: string[]; token_logprobs: (number | null)[]; top_logprobs: (Record<string, number> | null)[]; text_offset: number[] }
interface Completion { choices: { text: string; finish_reason: string | null; logprobs: LogProbs | null }[] }

/** A step that can be undone. */
function turn(next: Page): void {
  undone.value = { past: [...undone.value.past, page.value].slice(-MOST_UNDONE), future: [] };
  page.value = next;
}

function step(back: boolean): void {
  const { past, future } = undone.value;
  const to = back ? past.at(-1) : future.at(-1);
  if (!to) return;
  undone.value = back
    ? { past: past.slice(0, -1), future: [...future, page.value] }
    : { past: [...past, page.value], future: future.slice(0, -1) };
  page.value = to;
  chosen.value = null;
}

function tokensOf(l: LogProbs): Token[] {
  return l.tokens.map((text, i) => ({
    text, id: null, logProb: l.token_logprobs[i] ?? null,
    others: Object.entries(l.top_logprobs[i] ?? {}).sort((a, b) => b[1] - a[1]), at: l.text_offset[i]!,
  }));
}

const failed = (error: unknown) => { fault.value = reason(error); };

/** Has the model go on with a text. */
async function goOn(text: string): Promise<void> {
  const control = new AbortController();
  const { temperature, top_p, max_tokens, seed, presence_penalty, frequency_penalty } = drawn(sampling.value);
  turn({ text, from: text.length, tokens: [] });
  fault.value = "", chosen.value = null, numbers.value = "", running.value = control;
  const began = performance.now();
  let now = page.value, frame = 0, first = 0;
  try {
    for await (const chunk of postStream<Completion>("/v1/completions", { model: model.value, prompt: text, temperature, top_p,
      max_tokens, seed, presence_penalty, frequency_penalty, logprobs: ALTERNATIVES }, control.signal)) {
      const choice = chunk.choices[0];
      if (!choice) continue;
      first ||= performance.now();
      now = { ...now, text: now.text + choice.text, tokens: choice.logprobs ? [...now.tokens, ...tokensOf(choice.logprobs)] : now.tokens };
      frame ||= requestAnimationFrame(() => { frame = 0; page.value = now; });
      if (choice.finish_reason) numbers.value = choice.finish_reason === "length" ? "cut: its tokens are used up" : "the model ended the text";
    }
    if (control.signal.aborted) numbers.value = "stopped";
  } catch (error) {
    failed(error);
  }
  cancelAnimationFrame(frame);
  page.value = now;
  const rate = now.tokens.length > 1 ? `${Math.round((1000 * (now.tokens.length - 1)) / Math.max(1, performance.now() - first))} tokens/s · first after ${(first - began).toFixed(1)} ms` : "";
  numbers.value = [numbers.value, rate, `seed ${seed}`].filter(Boolean).join(" · ");
  running.value = null;
}

/** The tokens of the whole text as the model reads it, with their ids. */
async function show(): Promise<void> {
  fault.value = "", chosen.value = null;
  const { text } = page.value;
  try {
    const [scored, ids] = await Promise.all([
      postJson<Completion>("/v1/completions", { model: model.value, prompt: text, echo: true, max_tokens: 0, logprobs: ALTERNATIVES }),
      postJson<{ tokens: number[] }>("/tokenize", { model: model.value, prompt: text, add_special_tokens: false }),
    ]);
    const tokens = tokensOf(scored.choices[0]!.logprobs!);
    page.value = { text, from: 0, tokens: tokens.map((t, i) => ({ ...t, id: tokens.length === ids.tokens.length ? ids.tokens[i]! : null })) };
  } catch (error) {
    failed(error);
  }
}

/** What came before a token, and an alternative in its place. */
function instead(token: Token, text: string): string {
  return [...page.value.text].slice(0, token.at).join("") + text;
}

/** Tokens that no text gives: those that end one, and parts of characters. */
const ends = signal<ReadonlySet<string>>(new Set());
const writable = (text: string) => !ends.value.has(text) && !text.startsWith("bytes:");

function Alternatives({ at }: { at: number }) {
  const token = page.value.tokens[at]!;
  return (
    <section class="alternatives" aria-label={`In place of ${token.text.trim() || "a blank"}`}>
      <h2>In place of “{token.text}”{token.id !== null && <span class="muted"> (id {token.id})</span>}</h2>
      {token.others.length === 0 && <p class="muted">The first token of a text has no probability.</p>}
      <ul>
        {token.others.map(([text, logProb]) => (
          <li key={text}>
            <button type="button" disabled={running.value !== null || !writable(text)} aria-current={text === token.text ? "true" : undefined} onClick={() => void goOn(instead(token, text))}>
              <span class="share" style={`--share:${100 * Math.exp(logProb)}%`} aria-hidden="true" />
              <code>{text}</code> <span class="muted">{percentOf(logProb)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function CompletionView() {
  const among = writers.value;
  useEffect(() => {
    const { model: given, prompt } = Object.fromEntries(route.value.query);
    if (given || prompt) {
      if (given) model.value = given;
      if (prompt) turn({ text: prompt, from: 0, tokens: [] });
      history.replaceState(null, "", link("completion"));
      route.value = { view: "completion", query: new URLSearchParams() };
    }
    if (!modelOf(model.value)) model.value = among.find((m) => !m.capabilities.includes("chat"))?.id ?? among[0]?.id ?? "";
  }, [route.value]);
  useEffect(() => {
    if (!model.value) return;
    getJson<{ eos_token: string | null; pad_token: string | null }>(`/tokenizer_info?model=${encodeURIComponent(model.value)}`)
      .then((t) => { ends.value = new Set([t.eos_token, t.pad_token].filter((x) => x !== null)); }, () => {});
  }, [model.value]);
  const prompts = usePrompts(model.value);
  const words = useWords(prompts);
  if (among.length === 0) return <p class="muted">No model here writes text.</p>;
  const { text, from, tokens } = page.value;
  const busy = running.value !== null;
  const edit = (now: string) => { page.value = { text: now, from: 0, tokens: [] }; chosen.value = null; };
  return (
    <div class="completion">
      <div class="row">
        <ModelSelect label="Model" value={model.value} among={among} change={(id) => { model.value = id; page.value = { text, from: 0, tokens: [] }; }} />
        <button type="button" disabled={busy || undone.value.past.length === 0} onClick={() => step(true)}>Undo</button>
        <button type="button" disabled={busy || undone.value.future.length === 0} onClick={() => step(false)}>Redo</button>
        <button type="button" disabled={busy || !text} onClick={() => void show()}>Show tokens</button>
        <button type="button" disabled={busy || !text} onClick={() => turn({ text: "", from: 0, tokens: [] })}>Clear</button>
      </div>
      <details class="settings"><summary>Sampling</summary><SamplingFields value={sampling} /></details>
      <Composer label="Text" text={text} change={edit} words={words} button="Go on" busy={busy} stop={() => running.value?.abort()} send={() => void goOn(text)} />
      {fault.value && <p class="bad" role="alert">{fault.value}</p>}
      {tokens.length > 0 && (
        <section aria-label="Tokens">
          <p class="before" dir="auto">{text.slice(0, from)}</p>
          <Tokens label="Tokens of the text" by="probability" chosen={chosen.value} choose={(i) => { chosen.value = chosen.value === i ? null : i; }}
            tokens={tokens.map((t) => ({ text: t.text, value: t.logProb === null ? null : Math.exp(t.logProb),
              note: [t.id !== null && `id ${t.id}`, t.logProb === null ? "the first of the text" : percentOf(t.logProb),
                t.others.length > 0 && `likeliest: ${t.others.slice(0, 3).map(([o, p]) => `${o.trim() || "blank"} ${percentOf(p)}`).join(", ")}`].filter(Boolean).join("; ") }))} />
          <p class="numbers">{tokens.length} tokens{numbers.value && ` · ${numbers.value}`}. The less likely a token, the stronger its colour. Choose one to see what else could be there.</p>
          {chosen.value !== null && tokens[chosen.value] && <Alternatives at={chosen.value} />}
        </section>
      )}
    </div>
  );
}
