// Rankings that are not done yet. Each set and labeler has an entry of its own in the browser's storage, with a
// draft for each prompt that was begun: neither another set, another labeler nor an earlier prompt drops one.
import { signal } from "@preact/signals";
import { read, remove, write } from "./stored";

/** What a labeler has done to one prompt. */
export interface Draft {
  order: number[]; // of the answers on the screen
  ranks: (number | null)[]; // by answer
  at: number; // the place on the screen that keys rank
  note: string;
  seconds: number; // that it was on a visible page
}

/** `prompt`: the one on the screen, null when all are done. */
export interface Drafts { prompt: number | null; begun: Record<number, Draft> }

const NONE: Drafts = { prompt: null, begun: {} };
const entryOf = (set: string, labeler: string) => `rank.draft.${set}.${labeler}`;

let entry = "";
/** Those of the set and labeler on the screen. */
export const drafts = signal(NONE);

function keep(next: Drafts): void {
  drafts.value = next;
  if (Object.keys(next.begun).length > 0) write(entry, next);
  else remove(entry);
}

/** The draft on the screen. */
export function shownDraft(): Draft | undefined {
  const { prompt, begun } = drafts.value;
  return prompt === null ? undefined : begun[prompt];
}

export function openDrafts(set: string, labeler: string): void {
  if (entry === entryOf(set, labeler)) return;
  closeDrafts();
  entry = entryOf(set, labeler);
  drafts.value = read(entry, NONE);
}

/** Ends the time of the draft on the screen: another view is shown. */
export function closeDrafts(): void {
  putDraft({});
  entry = "";
  drafts.value = NONE;
}

/** Shows a prompt, with its draft or else the one given. */
export function showDraft(prompt: number, fresh: () => Draft): void {
  putDraft({});
  keep({ prompt, begun: { ...drafts.value.begun, [prompt]: drafts.value.begun[prompt] ?? fresh() } });
}

/** Changes the draft on the screen, and adds the time since it was last changed. */
export function putDraft(change: Partial<Draft>): void {
  const seconds = lap();
  const { prompt, begun } = drafts.value;
  const draft = shownDraft();
  if (prompt === null || !draft) return;
  keep({ prompt, begun: { ...begun, [prompt]: { ...draft, ...change, seconds: draft.seconds + seconds } } });
}

/** Takes away the draft on the screen, which is done. */
export function endDraft(): void {
  const { prompt, begun } = drafts.value;
  keep({ prompt: null, begun: Object.fromEntries(Object.entries(begun).filter(([p]) => Number(p) !== prompt)) });
}

// --- the time ------------------------------------------------------------------------------------

let from = 0, visible = typeof document === "undefined" || document.visibilityState === "visible";

/** The seconds since the last call, as far as the page was visible. */
function lap(): number {
  const now = performance.now(), seconds = visible ? (now - from) / 1000 : 0;
  from = now;
  return seconds;
}

// A page is hidden before it is closed, too.
if (typeof document !== "undefined")
  document.addEventListener("visibilitychange", () => {
    putDraft({});
    visible = document.visibilityState === "visible";
  });
