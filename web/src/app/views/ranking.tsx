// One set as a labeler ranks it: a prompt, its answers without the names of their models, by keys, buttons or drag.
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Draft, drafts, endDraft, openDrafts, putDraft, showDraft, shownDraft } from "../drafts";
import { dragged, handleOf } from "../parts/drag";
import { queue, type RankRecord, type RankSet, readSet, send, type Verdict } from "../rankings";
import { link } from "../route";
import { stored } from "../stored";

const reveal = stored("rank.reveal", false);
const letter = (i: number) => String.fromCharCode(65 + i);

/** A random order (Fisher and Yates). */
function shuffled(n: number): number[] {
  const order = [...Array(n).keys()];
  for (let i = n - 1; i > 0; --i) {
    const k = Math.floor(Math.random() * (i + 1));
    [order[i], order[k]] = [order[k]!, order[i]!];
  }
  return order;
}

/** Told to who does not see the screen: what a key did, and which answer the next one ranks. */
const told = signal("");

/** Shows a prompt, as it was left or as it was ranked before. */
function begin(set: RankSet, prompt: number): void {
  const n = set.prompts[prompt]!.answers.length;
  const before = set.records.find((r) => r.prompt === prompt);
  showDraft(prompt, () => ({ order: before?.order ?? shuffled(n), ranks: before?.ranks ?? Array<null>(n).fill(null), at: 0, note: before?.note ?? "", seconds: 0 }));
  told.value = `Prompt ${prompt + 1} of ${set.prompts.length}, ${n} answers. ${toldOf(shownDraft()!, shownDraft()!.at)}`;
}

function toldOf(d: Draft, where: number): string {
  const rank = d.ranks[d.order[where]!];
  return `Answer ${letter(where)}, ${rank === null ? "no rank" : `rank ${rank}`}`;
}

/** The answer at a place of the screen is the one that keys rank. */
function moveTo(where: number): void {
  putDraft({ at: where });
  told.value = toldOf(shownDraft()!, where);
}

/** Gives the answer at a place a rank, and goes to the next that has none. */
function give(where: number, rank: number | null): void {
  const d = shownDraft()!;
  const ranks = d.ranks.with(d.order[where]!, rank);
  const places = [...d.order.keys()];
  const open = [...places.slice(where + 1), ...places.slice(0, where)].find((i) => ranks[d.order[i]!] === null);
  putDraft({ ranks, at: rank === null ? where : open ?? where });
  const next = ranks.every((r) => r !== null) ? "All have a rank" : rank === null ? "" : `Now ${letter(open!)}`;
  told.value = [toldOf({ ...d, ranks }, where), next].filter(Boolean).join(". ");
}

function beginNext(set: RankSet): void {
  const next = set.prompts.findIndex((_, i) => !set.records.some((r) => r.prompt === i));
  if (next >= 0) begin(set, next);
}

/** Goes on where this labeler was, else with the first prompt that is not done. */
export function resume(set: RankSet, labeler: string): void {
  openDrafts(set.id, labeler);
  if (!shownDraft()) beginNext(set);
}

/** The last record, with the names of its models. */
const last = signal<{ set: RankSet; record: RankRecord } | null>(null);

function submit(set: RankSet, labeler: string, verdict: Verdict): RankSet {
  putDraft({}); // with its time
  const { order, ranks, note, seconds } = shownDraft()!, prompt = drafts.value.prompt!;
  const record: RankRecord = { id: crypto.randomUUID(), labeler, prompt, verdict, order, note, seconds,
    ...(verdict === "ranked" && { ranks: ranks as number[] }) };
  queue(set.id, record);
  void send().then(() => { if (reveal.value) void readSet(set.id, labeler).then((s) => { last.value = { set: s, record }; }, () => {}); });
  endDraft();
  const now = { ...set, records: [...set.records.filter((r) => r.prompt !== prompt), record] };
  beginNext(now);
  return now;
}

// --- the parts of the screen -----------------------------------------------------------------------

/** The letter of an answer, by which it is dragged: its text can still be selected. */
function Handle({ where }: { where: number }) {
  return <b class="handle" aria-hidden="true" title="drag to a rank" {...handleOf(letter(where), ".bucket", (on) => give(where, Number((on as HTMLElement).dataset.rank)))}>{letter(where)}</b>;
}

function Card({ d, where, text }: { d: Draft; where: number; text: string }) {
  const current = where === d.at, rank = d.ranks[d.order[where]!];
  return (
    <li class={current ? "card-answer current" : "card-answer"} aria-current={current ? "true" : undefined} onClick={() => { if (!current) putDraft({ at: where }); }}>
      <div class="card-text" tabIndex={0} role="group" aria-label={`Answer ${letter(where)}`} dir="auto" onFocus={() => { if (!current) putDraft({ at: where }); }}>{text}</div>
      <div class="choice" role="group" aria-label={`Rank of answer ${letter(where)}`}>
        <Handle where={where} />
        {d.order.map((_, r) => (
          <button key={r} type="button" aria-pressed={rank === r + 1} aria-label={`${r + 1}`} onClick={() => give(where, r + 1)}>{r + 1}</button>
        ))}
      </div>
    </li>
  );
}

function Buckets({ d }: { d: Draft }) {
  const drag = dragged.value;
  const over = (drag?.over as HTMLElement | undefined)?.dataset.rank;
  return (
    <div class="buckets" aria-label="Ranks" role="group">
      {d.order.map((_, r) => (
        <div key={r} class={over === `${r + 1}` ? "bucket over" : "bucket"} data-rank={r + 1}>
          <span class="muted">{r + 1}{r === 0 ? " best" : ""}</span> {d.order.map((answer, where) => (d.ranks[answer] === r + 1 ? <Handle key={where} where={where} /> : null))}
        </div>
      ))}
      {drag && <b class="dragged" aria-hidden="true" style={`left:${drag.x}px;top:${drag.y}px`}>{drag.text}</b>}
    </div>
  );
}

function Afterwards() {
  if (!reveal.value || !last.value) return null;
  const { set, record } = last.value;
  const { answers, messages } = set.prompts[record.prompt]!;
  return <p class="muted">Before, “<bdi>{messages.at(-1)!.content.slice(0, 60)}</bdi>”: {record.order.map((a, where) => `${letter(where)} ${answers[a]!.model || "of a file"}${record.ranks ? ` (${record.ranks[a]})` : ""}`).join(", ")}</p>;
}

export function Ranking({ set, labeler, change }: { set: RankSet; labeler: string; change: (s: RankSet) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const d = shownDraft(), { prompt } = drafts.value;
  useLayoutEffect(() => { place.current?.focus(); }, [prompt]);
  if (!d || prompt === null)
    return (
      <p>All {set.prompts.length} prompts are done. <a href={link("rank")}>Back to the sets</a>{" "}
        {set.records.length > 0 && <button type="button" onClick={() => begin(set, set.records.at(-1)!.prompt)}>Change the last</button>}</p>
    );

  const { messages, answers } = set.prompts[prompt]!;
  const n = answers.length, done = set.records.length;
  const all = d.ranks.every((r) => r !== null);
  const end = (verdict: Verdict) => { if (verdict !== "ranked" || all) change(submit(set, labeler, verdict)); };
  const back = () => {
    const at = set.records.findIndex((r) => r.prompt === prompt);
    const earlier = at < 0 ? set.records.at(-1) : set.records[at - 1];
    if (earlier) begin(set, earlier.prompt);
  };
  const keys = (e: KeyboardEvent) => {
    const { tagName } = e.target as HTMLElement;
    if (e.ctrlKey || e.altKey || e.metaKey || tagName === "TEXTAREA") return;
    const digit = Number(e.key);
    const act = digit >= 1 && digit <= n ? () => give(d.at, digit)
      : e.key === "Enter" && tagName !== "BUTTON" && tagName !== "A" ? () => end("ranked")
      : e.key === "ArrowDown" ? () => moveTo(Math.min(n - 1, d.at + 1)) : e.key === "ArrowUp" ? () => moveTo(Math.max(0, d.at - 1))
      : e.key === "Backspace" ? () => give(d.at, null) : e.key === "s" ? () => end("skipped") : e.key === "u" ? () => end("unusable")
      : e.key === "b" ? back : e.key === "n" ? () => place.current!.querySelector("textarea")!.focus() : null;
    if (!act) return;
    e.preventDefault();
    act();
  };
  return (
    <div class="ranking" ref={place} tabIndex={-1} role="group" aria-label={`Prompt ${prompt + 1} of ${set.prompts.length}`} onKeyDown={keys}>
      <p class="row"><span><bdi>{set.title}</bdi>: {done} of {set.prompts.length} done by <bdi>{labeler}</bdi></span> <progress max={set.prompts.length} value={done} aria-label="Prompts done" />
        <a href={link("rank")}>All sets</a></p>
      <section class="asked" aria-label="Prompt" tabIndex={0}>{messages.map((m, i) => <p key={i} dir="auto">{messages.length > 1 && <b>{m.role}: </b>}{m.content}</p>)}</section>
      <ol class="cards" aria-label="Answers">
        {d.order.map((answer, where) => <Card key={answer} d={d} where={where} text={answers[answer]!.text} />)}
      </ol>
      <Buckets d={d} />
      <p class="visually-hidden" aria-live="polite">{told.value}</p>
      <label class="note">Note <textarea rows={1} dir="auto" maxLength={10000} value={d.note} onInput={(e) => putDraft({ note: e.currentTarget.value })}
        onKeyDown={(e) => { if (e.key === "Escape" || (e.key === "Enter" && !e.shiftKey)) { e.preventDefault(); place.current!.focus(); } }} /></label>
      <p class="row">
        <button type="button" disabled={!all} onClick={() => end("ranked")}>Done (Enter)</button>
        <button type="button" onClick={() => end("skipped")}>Skip (s)</button>
        <button type="button" onClick={() => end("unusable")}>Unusable (u)</button>
        <button type="button" disabled={done === 0} onClick={back}>Back (b)</button>
        <label><input type="checkbox" checked={reveal.value} onChange={(e) => { reveal.value = e.currentTarget.checked; }} /> name the models afterwards</label>
      </p>
      <p class="muted">1 to {n} rank the answer that is marked, the same rank is a tie; ↑ ↓ move, Backspace takes a rank back, n is for a note. An answer can be dragged to a rank by its letter.</p>
      <Afterwards />
    </div>
  );
}
