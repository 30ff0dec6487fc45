// The labelers' page: sets of prompts with answers, how far they are ranked, and how far labelers agree.
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getText, reason, returns } from "../api";
import { closeDrafts } from "../drafts";
import { type Agreement, exportOf, listSets, pending, type RankSet, readSet, send, sendFault, setsMade, type Summary } from "../rankings";
import { download } from "../parts/download";
import { go, link, route } from "../route";
import { stored } from "../stored";
import { Maker } from "./maker";
import { Ranking, resume } from "./ranking";

const labeler = stored("rank.labeler", "");
const who = () => labeler.value.trim();
const fault = signal("");

function agreed(a: Agreement) {
  const [first, second] = a.labelers;
  return (
    <p key={a.labelers.join()} class="muted"><bdi>{first}</bdi> and <bdi>{second}</bdi>:{" "}
      {a.pairs === 0 ? "no pair that both put into an order" : `${Math.round((100 * a.alike) / a.pairs)} % of ${a.pairs} pairs alike, ${a.tied} tied by one of them`}</p>
  );
}

function Sets({ sets }: { sets: Summary[] }) {
  if (sets.length === 0) return <p class="muted">There is no set of prompts yet. Make one below.</p>;
  return (
    <ul class="sets">
      {sets.map((s) => (
        <li key={s.id}>
          <h2 dir="auto">{s.title}</h2>
          <p class="muted">{s.prompts} prompt{s.prompts === 1 ? "" : "s"}</p>
          <p>{s.labelers.map((l, i) => <span key={l.name}>{i > 0 && " · "}<bdi>{l.name}</bdi>: {l.ranked} ranked{l.skipped > 0 && `, ${l.skipped} skipped`}{l.unusable > 0 && `, ${l.unusable} unusable`}</span>)}</p>
          {s.agreement.map(agreed)}
          <p class="acts">
            <button type="button" disabled={!who()} onClick={() => go("rank", { set: s.id })}>Rank</button>
            <button type="button" onClick={() => void getText(exportOf(s.id)).then((lines) => download("rankings.jsonl", lines), (error) => { fault.value = reason(error); })}>Export for a reward model</button>
          </p>
        </li>
      ))}
    </ul>
  );
}

function Overview() {
  const known = useSignal<Awaited<ReturnType<typeof listSets>> | null>(null);
  useEffect(() => {
    listSets().then((all) => { known.value = all; fault.value = ""; }, (error) => { fault.value = reason(error); });
  }, [pending.value.length, setsMade.value, returns.value]);
  const all = known.value;
  if (!all) return <p class="muted">{fault.value || "Reading the sets …"}</p>;
  if (!all.enabled) return <p class="muted">{all.why}.</p>;
  return (
    <>
      <p class="row"><label>Your name or initials{" "}
        <input maxLength={100} dir="auto" value={labeler.value} onInput={(e) => { labeler.value = e.currentTarget.value; }} /></label>
        <span class="muted">Rankings are kept by the server, with this name.</span></p>
      {fault.value && <p class="bad" role="alert">{fault.value}</p>}
      {all.notes.map((n) => <p key={n} class="bad">{n}</p>)}
      <Sets sets={all.sets} />
      <Maker file={all.file} />
    </>
  );
}

/** The set with what this labeler ranked: as the server has it, and what is on its way there. */
async function ownSet(id: string, labeler: string): Promise<RankSet> {
  await send();
  const set = await readSet(id, labeler);
  const unsent = pending.value.filter((p) => p.set === id && p.record.labeler === labeler).map((p) => p.record);
  const kept = set.records.filter((r) => !unsent.some((u) => u.prompt === r.prompt));
  return { ...set, records: [...kept.sort((a, b) => (a.time ?? "").localeCompare(b.time ?? "")), ...unsent] };
}

function Labeling({ id, labeler }: { id: string; labeler: string }) {
  const set = useSignal<RankSet | null>(null), wrong = useSignal("");
  useEffect(() => {
    let current = true;
    ownSet(id, labeler).then((s) => {
      if (!current) return;
      resume(s, labeler);
      set.value = s;
      wrong.value = "";
    }, (error) => { if (current) wrong.value = reason(error); });
    return () => { current = false; };
  }, [returns.value]);
  useEffect(() => closeDrafts, []);
  if (wrong.value && !set.value) return <p class="bad" role="alert">{wrong.value} <a href={link("rank")}>All sets</a></p>;
  if (!set.value) return <p class="muted">Reading the set …</p>;
  return <Ranking set={set.value} labeler={labeler} change={(s) => { set.value = s; }} />;
}

export function RankView() {
  const id = route.value.query.get("set");
  return (
    <div class="rank">
      {pending.value.length > 0 && sendFault.value && (
        <p class="bad" role="alert">{pending.value.length} ranking{pending.value.length === 1 ? " is" : "s are"} kept in this browser and not on the server yet: {sendFault.value}{" "}
          <button type="button" onClick={() => void send()}>Send again</button></p>
      )}
      {id && who() ? <Labeling key={`${id} ${who()}`} id={id} labeler={who()} /> : <Overview />}
    </div>
  );
}
