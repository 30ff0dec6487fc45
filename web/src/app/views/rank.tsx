// The labelers' page: answers without the names of their models, put into an order.
import { signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { getText, postJson, returns, whenBack } from "../api";
import { talkers } from "../models";
import { promptsOf as examplesOf } from "../models";
import {
  type Agreement, exportOf, listSets, makeSet, type NewPrompt, pending, type Prompt, promptsOf, type RankRecord, type RankSet,
  queue, readFile, readSet, sendPending, type Summary, type Verdict,
} from "../rankings";
import { download } from "../parts/download";
import { go, link, route } from "../route";
import { stored } from "../stored";

const labeler = stored("rank.labeler", "");
const reveal = stored("rank.reveal", false);
const fault = signal("");
const who = () => labeler.value.trim();

/** What a labeler has done to the prompt on the screen; it outlives a reload. */
interface Draft { set: string; labeler: string; prompt: number; order: number[]; ranks: (number | null)[]; at: number; note: string; began: number }
const draft = stored<Draft | null>("rank.draft", null);

const said = (error: unknown) => (error instanceof Error ? error.message : String(error));
const letter = (i: number) => String.fromCharCode(65 + i);

const AGAIN_MS = 5000;
let again = 0;

async function send(): Promise<void> {
  clearTimeout(again);
  try {
    await sendPending();
    fault.value = "";
  } catch (error) {
    fault.value = said(error);
    again = window.setTimeout(() => void send(), AGAIN_MS); // a disk that was full may have room
  }
}
whenBack(() => void send());

// --- the sets --------------------------------------------------------------------------------------

function agreed(a: Agreement): string {
  if (a.pairs === 0) return `${a.labelers.join(" and ")}: no pair that both put into an order`;
  return `${a.labelers.join(" and ")}: ${Math.round((100 * a.alike) / a.pairs)} % of ${a.pairs} pairs alike, ${a.tied} tied by one of them`;
}

function Sets({ sets }: { sets: Summary[] }) {
  if (sets.length === 0) return <p class="muted">There is no set of prompts yet. Make one below.</p>;
  return (
    <ul class="sets">
      {sets.map((s) => (
        <li key={s.id}>
          <h2 dir="auto">{s.title}</h2>
          <p class="muted">{s.prompts} prompt{s.prompts === 1 ? "" : "s"}</p>
          <p>{s.labelers.map((l) => `${l.name}: ${l.ranked} ranked${l.skipped ? `, ${l.skipped} skipped` : ""}${l.unusable ? `, ${l.unusable} unusable` : ""}`).join(" · ")}</p>
          {s.agreement.map((a) => <p key={a.labelers.join()} class="muted">{agreed(a)}</p>)}
          <p class="acts">
            <button type="button" disabled={!who()} onClick={() => go("rank", { set: s.id })}>Rank</button>
            <button type="button" onClick={() => void getText(exportOf(s.id)).then((lines) => download("rankings.jsonl", lines), (error) => { fault.value = said(error); })}>Export for a reward model</button>
          </p>
        </li>
      ))}
    </ul>
  );
}

const MOST_SAME = 3; // further draws for an answer that is there already

/**
 * K answers to each prompt, drawn in turns from the models; prompts with fewer than two that differ are left
 * out. `why`: the fault that ended it, with what was drawn before it.
 */
async function answered(prompts: Prompt[], models: string[], k: number, temperature: number, step: (done: number) => void): Promise<{ made: NewPrompt[]; why: string }> {
  interface Chat { choices: { message: { content: string } }[] }
  const made: NewPrompt[] = [];
  try {
    for (const [i, p] of prompts.entries()) {
      const answers: NewPrompt["answers"] = [];
      const add = (a: NewPrompt["answers"][number]) => {
        if (a.text.trim() && !answers.some((other) => other.text.trim() === a.text.trim())) answers.push(a);
      };
      for (const text of p.answers) add({ text, model: "" });
      for (let seed = 1; answers.length < k && p.answers.length === 0 && seed <= k * MOST_SAME; ++seed) {
        const model = models[(seed - 1) % models.length]!;
        const sampling = { temperature, seed };
        const { choices } = await postJson<Chat>("/v1/chat/completions", { model, messages: p.messages, ...sampling });
        add({ text: choices[0]!.message.content, model, sampling });
      }
      if (answers.length >= 2) made.push({ messages: p.messages, answers: answers.slice(0, 9) });
      step(i + 1);
    }
  } catch (error) {
    return { made, why: said(error) };
  }
  return { made, why: "" };
}

function Maker({ made, file: given }: { made: () => void; file: { name: string; prompts: number } | null }) {
  const title = useSignal(""), text = useSignal(""), k = useSignal(4), temperature = useSignal(1);
  const models = useSignal<string[]>([]), busy = useSignal(""), wrong = useSignal("");
  const file = useRef<HTMLInputElement>(null);
  const make = async () => {
    wrong.value = "";
    try {
      const prompts = promptsOf(text.value);
      if (prompts.length === 0) throw new Error("there is no prompt");
      if (models.value.length === 0 && prompts.some((p) => p.answers.length < 2)) throw new Error("choose the models that answer");
      const { made: all, why } = await answered(prompts, models.value, k.value, temperature.value, (done) => { busy.value = `${done} of ${prompts.length} prompts answered`; });
      if (all.length === 0) throw new Error(why || "no prompt has two answers that differ; choose a higher temperature, or further models");
      await makeSet(title.value, all);
      wrong.value = all.length < prompts.length ? `${prompts.length - all.length} prompts are left out: ${why || "their answers are all the same"}` : "";
      title.value = text.value = "";
      made();
    } catch (error) {
      wrong.value = said(error);
    }
    busy.value = "";
  };
  return (
    <form class="maker" onSubmit={(e) => { e.preventDefault(); void make(); }}>
      <h2>Make a set</h2>
      <label>Title <input required maxLength={100} value={title.value} onInput={(e) => { title.value = e.currentTarget.value; }} /></label>
      <label>Prompts, one a line, or lines of JSON
        <textarea rows={5} dir="auto" value={text.value} onInput={(e) => { text.value = e.currentTarget.value; }} />
      </label>
      <div class="row">
        <button type="button" onClick={() => file.current!.click()}>From a file</button>
        <input ref={file} type="file" hidden aria-label="A file of prompts" onChange={async (e) => { text.value = await e.currentTarget.files![0]!.text(); e.currentTarget.value = ""; }} />
        {given && <button type="button" onClick={() => void readFile().then(({ name, prompts }) => {
          title.value ||= name;
          text.value = prompts.map((p) => JSON.stringify({ messages: p.messages, ...(p.answers.length > 0 && { responses: p.answers }) })).join("\n");
        }, (error) => { wrong.value = said(error); })}>{given.prompts} prompts of {given.name}</button>}
        {talkers.value.length > 0 && <button type="button" onClick={async () => {
          const { examples } = await examplesOf(models.value[0] ?? talkers.value[0]!.id);
          text.value = examples.map((x) => x.turns[0]).join("\n");
        }}>Examples of the model</button>}
      </div>
      <fieldset class="row"><legend>Models that answer</legend>
        {talkers.value.map((m) => (
          <label key={m.id}><input type="checkbox" checked={models.value.includes(m.id)}
            onChange={(e) => { models.value = e.currentTarget.checked ? [...models.value, m.id] : models.value.filter((id) => id !== m.id); }} /> {m.id}</label>
        ))}
      </fieldset>
      <div class="row">
        <label>Answers to a prompt <input type="number" min={2} max={9} value={k.value} onChange={(e) => { k.value = Math.min(9, Math.max(2, e.currentTarget.valueAsNumber || 4)); }} /></label>
        <label>Temperature <input type="number" min={0} max={2} step={0.1} value={temperature.value} onChange={(e) => { temperature.value = e.currentTarget.valueAsNumber || 0; }} /></label>
        <button type="submit" disabled={busy.value !== ""}>Make the set</button>
      </div>
      <p aria-live="polite">{busy.value}</p>
      {wrong.value && <p class="bad" role="alert">{wrong.value}</p>}
    </form>
  );
}

function Overview() {
  const known = useSignal<Awaited<ReturnType<typeof listSets>> | null>(null);
  const load = () => void listSets().then((all) => { known.value = all; fault.value = ""; }, (error) => { fault.value = said(error); });
  useEffect(load, [pending.value.length, returns.value]);
  const all = known.value;
  if (!all) return <p class="muted">{fault.value || "Reading the sets …"}</p>;
  if (!all.enabled) return <p class="muted">{all.why}.</p>;
  return (
    <>
      <p class="row"><label>Your name or initials{" "}
        <input maxLength={100} value={labeler.value} onInput={(e) => { labeler.value = e.currentTarget.value; }} /></label>
        <span class="muted">Rankings are kept by the server, with this name.</span></p>
      {all.notes.map((n) => <p key={n} class="bad">{n}</p>)}
      <Sets sets={all.sets} />
      <Maker made={load} file={all.file} />
    </>
  );
}

// --- ranking ---------------------------------------------------------------------------------------

/** A random order (Fisher and Yates). */
function shuffled(n: number): number[] {
  const order = [...Array(n).keys()];
  for (let i = n - 1; i > 0; --i) {
    const k = Math.floor(Math.random() * (i + 1));
    [order[i], order[k]] = [order[k]!, order[i]!];
  }
  return order;
}

function begin(set: RankSet, prompt: number): void {
  const n = set.prompts[prompt]!.answers.length;
  const before = set.records.find((r) => r.prompt === prompt); // to be changed
  draft.value = { set: set.id, labeler: who(), prompt, order: before?.order ?? shuffled(n),
    ranks: before?.ranks ?? Array<null>(n).fill(null), at: 0, note: before?.note ?? "", began: Date.now() };
}

const nextOf = (set: RankSet) => set.prompts.findIndex((_, i) => !set.records.some((r) => r.prompt === i));

function Ranking({ set, change }: { set: RankSet; change: (s: RankSet) => void }) {
  const d = draft.value;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => { // where one was, else the first that is not done
    if (d && d.set === set.id && d.labeler === who() && d.prompt < set.prompts.length) return;
    const next = nextOf(set);
    if (next >= 0) begin(set, next);
    else draft.value = null;
  }, [set]);
  useLayoutEffect(() => { place.current?.focus(); }, [d?.prompt]);
  if (!d || d.set !== set.id)
    return (
      <p>All {set.prompts.length} prompts are done. <a href={link("rank")}>Back to the sets</a>{" "}
        {set.records.length > 0 && <button type="button" onClick={() => begin(set, set.records.at(-1)!.prompt)}>Change the last</button>}</p>
    );

  const { messages, answers } = set.prompts[d.prompt]!;
  const n = answers.length, done = set.records.length;
  const all = d.ranks.every((r) => r !== null);
  const put = (change: Partial<Draft>) => { draft.value = { ...draft.value!, ...change }; };
  /** Gives the answer at a place of the screen a rank, and goes to the next that has none. */
  const give = (where: number, rank: number | null) => {
    const ranks = d.ranks.with(d.order[where]!, rank);
    const places = [...Array(n).keys()];
    const open = [...places.slice(where + 1), ...places.slice(0, where)].find((i) => ranks[d.order[i]!] === null);
    put({ ranks, at: rank === null ? where : open ?? where });
  };
  const submit = (verdict: Verdict) => {
    if (verdict === "ranked" && !all) return;
    const record: RankRecord = { id: crypto.randomUUID(), labeler: d.labeler, prompt: d.prompt, verdict, order: d.order, note: d.note,
      seconds: (Date.now() - d.began) / 1000, ...(verdict === "ranked" && { ranks: d.ranks as number[] }) };
    queue(set.id, record);
    void send().then(() => { if (reveal.value) void readSet(set.id, d.labeler).then((s) => { last.value = { set: s, record }; }, () => {}); });
    const now = { ...set, records: [...set.records.filter((r) => r.prompt !== d.prompt), record] };
    draft.value = null;
    const next = nextOf(now);
    if (next >= 0) begin(now, next);
    change(now);
  };
  const back = () => {
    const at = set.records.findIndex((r) => r.prompt === d.prompt);
    const earlier = at < 0 ? set.records.at(-1) : set.records[at - 1];
    if (earlier) begin(set, earlier.prompt);
  };
  const keys = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.altKey || e.metaKey || /^(INPUT|TEXTAREA)$/.test((e.target as HTMLElement).tagName)) return;
    const digit = Number(e.key);
    const act = digit >= 1 && digit <= n ? () => give(d.at, digit)
      : e.key === "Enter" && (e.target as HTMLElement).tagName !== "BUTTON" ? () => submit("ranked")
      : e.key === "ArrowDown" ? () => put({ at: Math.min(n - 1, d.at + 1) }) : e.key === "ArrowUp" ? () => put({ at: Math.max(0, d.at - 1) })
      : e.key === "Backspace" ? () => give(d.at, null) : e.key === "s" ? () => submit("skipped") : e.key === "u" ? () => submit("unusable")
      : e.key === "b" ? back : e.key === "n" ? () => place.current!.querySelector("textarea")!.focus() : null;
    if (!act) return;
    e.preventDefault();
    act();
  };
  return (
    <div class="ranking" ref={place} tabIndex={-1} onKeyDown={keys}>
      <p class="row"><span>{set.title}: {done} of {set.prompts.length} done by {who()}</span> <progress max={set.prompts.length} value={done} aria-label="Prompts done" />
        <a href={link("rank")}>All sets</a></p>
      <section class="asked" aria-label="Prompt">{messages.map((m, i) => <p key={i} dir="auto">{messages.length > 1 && <b>{m.role}: </b>}{m.content}</p>)}</section>
      <ol class="cards" aria-label="Answers">
        {d.order.map((answer, where) => (
          <li key={answer} class={where === d.at ? "card-answer current" : "card-answer"} aria-current={where === d.at ? "true" : undefined} draggable
            onDragStart={(e) => e.dataTransfer!.setData("text/plain", String(where))} onClick={() => { if (d.at !== where) put({ at: where }); }}>
            <div class="card-text" tabIndex={0} role="group" aria-label={`Answer ${letter(where)}`} dir="auto" onFocus={() => { if (d.at !== where) put({ at: where }); }}>{answers[answer]!.text}</div>
            <div class="choice" role="group" aria-label={`Rank of answer ${letter(where)}`}>
              <b aria-hidden="true">{letter(where)}</b>
              {[...Array(n).keys()].map((r) => (
                <button key={r} type="button" aria-pressed={d.ranks[answer] === r + 1} aria-label={`${r + 1}`} onClick={() => give(where, r + 1)}>{r + 1}</button>
              ))}
            </div>
          </li>
        ))}
      </ol>
      <div class="buckets" aria-label="Ranks" role="group">
        {[...Array(n).keys()].map((r) => (
          <div key={r} class="bucket" onDragOver={(e) => e.preventDefault()}
            onDrop={(e) => { e.preventDefault(); give(Number(e.dataTransfer!.getData("text/plain")), r + 1); }}>
            <span class="muted">{r + 1}{r === 0 ? " best" : ""}</span> {d.order.map((answer, where) => (d.ranks[answer] === r + 1 ? <b key={where}>{letter(where)}</b> : null))}
          </div>
        ))}
      </div>
      <label class="note">Note <textarea rows={1} dir="auto" maxLength={10000} value={d.note} onInput={(e) => put({ note: e.currentTarget.value })}
        onKeyDown={(e) => { if (e.key === "Escape" || (e.key === "Enter" && !e.shiftKey)) { e.preventDefault(); place.current!.focus(); } }} /></label>
      <p class="row">
        <button type="button" disabled={!all} onClick={() => submit("ranked")}>Done (Enter)</button>
        <button type="button" onClick={() => submit("skipped")}>Skip (s)</button>
        <button type="button" onClick={() => submit("unusable")}>Unusable (u)</button>
        <button type="button" disabled={done === 0} onClick={back}>Back (b)</button>
        <label><input type="checkbox" checked={reveal.value} onChange={(e) => { reveal.value = e.currentTarget.checked; }} /> name the models afterwards</label>
      </p>
      <p class="muted">1 to {n} rank the answer that is marked, the same rank is a tie; ↑ ↓ move, Backspace takes a rank back, n is for a note.</p>
      <Afterwards />
    </div>
  );
}

/** The last record, with the names of its models. */
const last = signal<{ set: RankSet; record: RankRecord } | null>(null);

function Afterwards() {
  if (!reveal.value || !last.value) return null;
  const { set, record } = last.value;
  const { answers, messages } = set.prompts[record.prompt]!;
  return <p class="muted">Before, “{messages.at(-1)!.content.slice(0, 60)}”: {record.order.map((a, where) => `${letter(where)} ${answers[a]!.model || "of a file"}${record.ranks ? ` (${record.ranks[a]})` : ""}`).join(", ")}</p>;
}

function Labeling({ id }: { id: string }) {
  const set = useSignal<RankSet | null>(null), wrong = useSignal("");
  useEffect(() => {
    let current = true;
    void send().then(() => readSet(id, who())).then((s) => {
      if (!current) return;
      const unsent = pending.value.filter((p) => p.set === id && p.record.labeler === who()).map((p) => p.record);
      set.value = { ...s, records: [...s.records.filter((r) => !unsent.some((u) => u.prompt === r.prompt)).sort((a, b) => (a.time ?? "").localeCompare(b.time ?? "")), ...unsent] };
      wrong.value = "";
    }, (error) => { if (current) wrong.value = said(error); });
    return () => { current = false; };
  }, [id, returns.value]);
  if (wrong.value) return <p class="bad" role="alert">{wrong.value} <a href={link("rank")}>All sets</a></p>;
  if (!set.value) return <p class="muted">Reading the set …</p>;
  return <Ranking set={set.value} change={(s) => { set.value = s; }} />;
}

export function RankView() {
  const id = route.value.query.get("set");
  return (
    <div class="rank">
      {pending.value.length > 0 && fault.value && (
        <p class="bad" role="alert">{pending.value.length} ranking{pending.value.length === 1 ? " is" : "s are"} kept in this browser and not on the server yet: {fault.value}{" "}
          <button type="button" onClick={() => void send()}>Send again</button></p>
      )}
      {id && who() ? <Labeling key={id} id={id} /> : <Overview />}
    </div>
  );
}
