// A conversation with one model.
import { signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { answer, begunAnswer, type Options } from "../answering";
import { reason } from "../api";
import {
  all, type Answer, type Conversation, current, entries, exported, forget, imported, messagesOf,
  newConversation, open, save, shownAnswer, type Turn,
} from "../conversations";
import { filters, furthest, modelOf, talkers } from "../models";
import { Composer } from "../parts/composer";
import { download } from "../parts/download";
import { Examples, ModelSelect, usePrompts, useWords } from "../parts/models";
import { described, drawn, SAMPLING, type Sampling, SamplingFields } from "../parts/sampling";
import { link, route } from "../route";
import { stored } from "../stored";

const sampling = stored<Sampling>("chat.sampling", SAMPLING);
const options = stored<Options>("chat.options", { filter: "", tools: false, documents: false });
const lastModel = stored("chat.model", "");
const draft = stored("chat.draft", "");
const lastOpen = stored("chat.open", "");

/** Changes when the field is to have the focus. */
const attention = signal(0);
/** Answers that are being written, by conversation. */
const running = new Map<string, AbortController>();

function change(c: Conversation, persist = true): void {
  if (current.value?.id === c.id) current.value = c;
  if (persist) save(c);
}

/** The options that are on, as far as the server does them with this model. */
function allowed(model: string): Options {
  const can = modelOf(model)?.lineage;
  const { filter, tools, documents } = options.value;
  return { filter: filters.value.some((m) => m.id === filter) ? filter : "", tools: tools && can?.tools === true, documents: documents && can?.documents === true };
}

/** The conversation with the given answer as the shown one of its turn at `at`. */
function withAnswer(c: Conversation, at: number, a: Answer): Conversation {
  const turns = [...c.turns];
  const turn = turns[at] as Extract<Turn, { role: "assistant" }>;
  turns[at] = { ...turn, answers: turn.answers.with(turn.shown, a) };
  return { ...c, turns };
}

/** Has the turn at `at`, an assistant's, answered by the conversation's model, beside the answers it has. */
async function respond(before: Conversation, at: number, begun?: string): Promise<void> {
  const c: Conversation = { ...before, turns: before.turns.slice(0, at) };
  const messages = messagesOf(c);
  if (begun !== undefined) messages.push({ role: "assistant", content: begun });
  const question = { model: c.model, messages, sampling: drawn(sampling.value), options: allowed(c.model), begun };
  const earlier = before.turns[at];
  const answers = [...(earlier?.role === "assistant" ? earlier.answers : []), begunAnswer(question)];
  c.turns.push({ role: "assistant", answers, shown: answers.length - 1 });
  change(c);
  const control = new AbortController();
  running.set(c.id, control);
  let now = c, saved = performance.now();
  await answer(question, control.signal, (a) => {
    now = withAnswer(now, at, a);
    const persist = performance.now() - saved > 1000; // a reload in the middle of a stream keeps it
    if (persist) saved = performance.now();
    change(now, persist);
  });
  running.delete(c.id);
  change({ ...now });
}

function say(c: Conversation, text: string): void {
  const turns: Turn[] = [...c.turns, { role: "user", text }];
  void respond({ ...c, turns }, turns.length);
}

// --- the parts of the view -------------------------------------------------------------------------

function Numbers({ a }: { a: Answer }) {
  if (a.finish === "given") return <p class="numbers">written by hand or read from a file</p>;
  const parts = [a.model, described(a.sampling), a.tokens > 0 && `${a.tokens} token${a.tokens === 1 ? "" : "s"}`,
    a.rate !== null && `${Math.round(a.rate)} tokens/s`, a.firstToken !== null && `first after ${a.firstToken} ms`,
    a.finish === "length" && "cut: its tokens are used up", a.finish === "stopped" && "stopped"];
  return <p class="numbers">{parts.filter(Boolean).join(" · ")}</p>;
}

function WhatRan({ a }: { a: Answer }) {
  return (
    <>
      {a.tools.map((t, i) => (
        <p key={i} class="ran">ran <code>{t.code}</code> → {t.error ? <span class="bad">{t.error}</span> : <code>{t.result}</code>}</p>
      ))}
      {a.sources.length > 0 && (
        <details class="ran"><summary>{a.sources.length} line{a.sources.length === 1 ? "" : "s"} looked up</summary>
          <ol>{a.sources.map((s, i) => <li key={i}><code>{s.file}:{s.line}</code> {s.text}</li>)}</ol>
        </details>
      )}
    </>
  );
}

function Editor({ text, label, done, cancel, further }: {
  text: string; label: string; done: (text: string) => void; cancel: () => void;
  further?: { label: string; done: (text: string) => void };
}) {
  const now = useSignal(text);
  return (
    <form class="editor" onSubmit={(e) => { e.preventDefault(); done(now.value); }}
      onKeyDown={(e) => { if (e.key === "Escape") cancel(); }}>
      <textarea aria-label={label} dir="auto" rows={3} value={now.value} ref={(e) => e?.focus()}
        onInput={(e) => { now.value = e.currentTarget.value; }} />
      <button type="submit">{label}</button>
      {further && <button type="button" onClick={() => further.done(now.value)}>{further.label}</button>}
      <button type="button" onClick={cancel}>Cancel</button>
    </form>
  );
}

function UserTurn({ c, at, busy }: { c: Conversation; at: number; busy: boolean }) {
  const editing = useSignal(false);
  const turn = c.turns[at] as Extract<Turn, { role: "user" }>;
  if (editing.value)
    return <Editor text={turn.text} label="Send again" cancel={() => { editing.value = false; }}
      done={(text) => { editing.value = false; say({ ...c, turns: c.turns.slice(0, at) }, text); }} />;
  return (
    <article class="turn user" aria-label="You">
      <p class="said" dir="auto">{turn.text}</p>
      <div class="acts"><button type="button" disabled={busy} onClick={() => { editing.value = true; }}>Edit</button></div>
    </article>
  );
}

function AssistantTurn({ c, at, busy }: { c: Conversation; at: number; busy: boolean }) {
  const editing = useSignal(false);
  const turn = c.turns[at] as Extract<Turn, { role: "assistant" }>;
  const a = shownAnswer(turn)!;
  const writing = busy && at === c.turns.length - 1;
  const show = (shown: number) => {
    const turns = [...c.turns];
    turns[at] = { ...turn, shown };
    change({ ...c, turns });
  };
  const put = (text: string) => {
    editing.value = false;
    change(withAnswer(c, at, { ...a, text, finish: "given" }));
  };
  if (editing.value)
    return <Editor text={a.text} label="Keep this text" done={put} cancel={() => { editing.value = false; }}
      further={{ label: "Go on from here", done: (text) => { editing.value = false; void respond(c, at, text); } }} />;
  const question = c.turns[at - 1];
  return (
    <article class="turn assistant" aria-label={a.model} aria-busy={writing}>
      {a.refusedBy && <p class="refused">{a.refusedBy === "filter" ? "The content filter acted: the model did not answer." : "The model itself refuses."}</p>}
      <WhatRan a={a} />
      <p class="said" dir="auto">{a.text || (a.finish && !a.error && a.refusedBy !== "filter" ? <em class="muted">(nothing)</em> : "")}{writing && <span class="caret" aria-hidden="true" />}</p>
      {a.error && <p class="bad" role="alert">{a.error}</p>}
      {!writing && <Numbers a={a} />}
      <div class="acts">
        {turn.answers.length > 1 && <span class="versions">
          <button type="button" aria-label="Earlier answer" disabled={busy || turn.shown === 0} onClick={() => show(turn.shown - 1)}>‹</button>
          {turn.shown + 1}/{turn.answers.length}
          <button type="button" aria-label="Later answer" disabled={busy || turn.shown + 1 === turn.answers.length} onClick={() => show(turn.shown + 1)}>›</button>
        </span>}
        <button type="button" disabled={busy} onClick={() => void respond(c, at)}>Retry</button>
        <button type="button" disabled={busy} onClick={() => { editing.value = true; }}>Edit</button>
        <button type="button" disabled={busy || !a.text} onClick={() => void respond(c, at, a.text)}>Go on</button>
        {question?.role === "user" && <a href={link("compare", { models: [modelOf(c.model)?.parent, c.model].filter(Boolean).join(","), prompt: question.text })}>Compare</a>}
      </div>
    </article>
  );
}

/** Stays at the end while it grows, unless the reader has scrolled up. */
function Log({ c }: { c: Conversation }) {
  const place = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  useLayoutEffect(() => {
    const e = place.current!;
    if (follow.current) e.scrollTop = e.scrollHeight;
  });
  const busy = running.has(c.id);
  return (
    <div class="log" ref={place} role="log" aria-label="Conversation" aria-live="off" tabIndex={0}
      onScroll={(e) => { const s = e.currentTarget; follow.current = s.scrollHeight - s.scrollTop - s.clientHeight < 24; }}>
      {c.turns.map((turn, i) => turn.role === "user" ? <UserTurn key={i} c={c} at={i} busy={busy} /> : <AssistantTurn key={i} c={c} at={i} busy={busy} />)}
    </div>
  );
}

function Conversations({ start }: { start: () => void }) {
  const fault = useSignal("");
  const file = useRef<HTMLInputElement>(null);
  const take = async (files: FileList | null) => {
    fault.value = "";
    for (const f of files ?? []) {
      try {
        const read = imported(await f.text(), lastModel.value);
        for (const c of read.reverse()) save(c);
        open(read.at(-1)!.id);
      } catch (error) {
        fault.value = `${f.name}: ${reason(error)}`;
      }
    }
    file.current!.value = "";
  };
  return (
    <nav class="conversations" aria-label="Conversations">
      <div class="row">
        <button type="button" onClick={start}>New conversation</button>
        <button type="button" onClick={() => file.current!.click()}>Import</button>
        <button type="button" disabled={entries.value.length === 0} onClick={() => download("conversations.jsonl", exported(all()))}>Export all</button>
        <input ref={file} type="file" accept=".jsonl,.json" multiple hidden aria-label="Conversations to import" onChange={(e) => void take(e.currentTarget.files)} />
      </div>
      {fault.value && <p class="bad" role="alert">{fault.value}</p>}
      <ul>
        {entries.value.map((e) => (
          <li key={e.id} aria-current={current.value?.id === e.id ? "true" : undefined}>
            <button type="button" class="entry" dir="auto" onClick={() => open(e.id)}>{e.title}</button>
            <button type="button" aria-label={`Export ${e.title}`} title="Export" onClick={() => download("conversation.jsonl", exported(all().filter((c) => c.id === e.id)))}>⤓</button>
            <button type="button" aria-label={`Remove ${e.title}`} title="Remove" onClick={() => { if (confirm(`Remove "${e.title}"? It is in this browser alone.`)) { running.get(e.id)?.abort(); forget(e.id); } }}>×</button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Settings({ c }: { c: Conversation }) {
  const can = modelOf(c.model)?.lineage;
  const set = (change: Partial<Options>) => { options.value = { ...options.value, ...change }; };
  return (
    <details class="settings">
      <summary>System prompt, sampling, filter, tools</summary>
      <label>System prompt
        <textarea rows={2} dir="auto" value={c.system} onChange={(e) => change({ ...c, system: e.currentTarget.value }, c.turns.length > 0)} />
      </label>
      <SamplingFields value={sampling} />
      {filters.value.length > 0 && (
        <label>Content filter{" "}
          <select value={options.value.filter} onChange={(e) => set({ filter: e.currentTarget.value })}>
            <option value="">none, but the server's own</option>
            {filters.value.map((m) => <option key={m.id}>{m.id}</option>)}
          </select>
        </label>
      )}
      {can?.tools && <label><input type="checkbox" checked={options.value.tools} onChange={(e) => set({ tools: e.currentTarget.checked })} /> run the Python that the model calls for sums</label>}
      {can?.documents && <label><input type="checkbox" checked={options.value.documents} onChange={(e) => set({ documents: e.currentTarget.checked })} /> look the question up in the server's documents</label>}
    </details>
  );
}

export function ChatView() {
  const among = talkers.value;
  const start = (model = "") => {
    const kept = among.some((m) => m.id === lastModel.value) ? lastModel.value : "";
    current.value = newConversation(model || kept || furthest(among)?.id || "");
  };
  useEffect(() => {
    const { model, prompt } = Object.fromEntries(route.value.query);
    if (model || prompt) { // as a link from another view has it
      start(model);
      if (prompt) draft.value = prompt;
      history.replaceState(null, "", link("chat"));
      route.value = { view: "chat", query: new URLSearchParams() };
    } else if (!current.value) {
      if (lastOpen.value) open(lastOpen.value);
      if (!current.value) start();
    }
  }, [route.value]);
  useEffect(() => { // one that was being written when the page was closed has ended
    const c = current.value;
    if (!c) return;
    lastOpen.value = c.id;
    const last = c.turns.at(-1);
    const a = last && shownAnswer(last);
    if (a && !a.finish && !running.has(c.id)) change(withAnswer(c, c.turns.length - 1, { ...a, finish: "stopped" }));
  }, [current.value?.id]);

  const c = current.value;
  const prompts = usePrompts(c?.model ?? "");
  const words = useWords(prompts);
  if (!c) return <p class="muted">Opening …</p>;
  if (among.length === 0) return <p class="muted">No model here is tuned on conversations. Completion takes base models.</p>;
  const busy = running.has(c.id);
  const send = (text: string) => {
    draft.value = "";
    say(c, text);
  };
  return (
    <div class="chat">
      <details class="conversations-fold" open={innerWidth > 900}><summary>Conversations</summary><Conversations start={() => start()} /></details>
      <div class="chat-main">
        <div class="row">
          <ModelSelect label="Model" value={c.model} among={among} change={(model) => { lastModel.value = model; change({ ...c, model }, c.turns.length > 0); }} />
        </div>
        <Settings c={c} />
        {c.turns.length > 0 ? <Log key={c.id} c={c} /> : <Examples model={c.model} prompts={prompts} take={(turns) => { draft.value = turns[0]!; rest.set(c.id, turns.slice(1)); ++attention.value; }} />}
        <Composer label={`Message to ${c.model}`} text={draft.value} change={(t) => { draft.value = t; }} words={words} busy={busy} focus={attention.value}
          send={() => send(draft.value)} stop={() => running.get(c.id)?.abort()} />
        <NextOf c={c} busy={busy} />
        <p class="visually-hidden" aria-live="polite">{busy ? "The model is answering." : c.turns.length > 0 ? shownAnswer(c.turns.at(-1)!)?.text ?? "" : ""}</p>
      </div>
    </div>
  );
}

/** The turns of an example that follow its first, by conversation. */
const rest = new Map<string, string[]>();

function NextOf({ c, busy }: { c: Conversation; busy: boolean }) {
  const next = rest.get(c.id)?.[0];
  if (!next || busy || c.turns.length === 0 || draft.value) return null;
  return <p class="muted">The example goes on: <button type="button" onClick={() => { draft.value = next; ++attention.value; rest.set(c.id, rest.get(c.id)!.slice(1)); }}>{next}</button></p>;
}
