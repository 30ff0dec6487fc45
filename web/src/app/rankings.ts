// Sets of prompts with answers, and how people rank them: /v1/lineage/rankings (docs/serving.md).
import { signal } from "@preact/signals";
import { getJson, postJson, reason, ServerError, whenBack } from "./api";
import { names, read, remove, whenOthersWrite, write } from "./stored";

export interface Message { role: string; content: string }
export type Verdict = "ranked" | "skipped" | "unusable";

export interface RankRecord {
  id: string;
  labeler: string;
  prompt: number;
  verdict: Verdict;
  order: number[]; // of the answers on the screen, from the first
  ranks?: number[]; // by answer, 1 is the best
  note: string;
  seconds: number;
  time?: string; // of the server's
}

export interface RankSet {
  id: string;
  title: string;
  prompts: { messages: Message[]; answers: { text: string; model?: string }[] }[]; // model: once it is ranked
  records: RankRecord[];
}

export interface Agreement { labelers: [string, string]; prompts: number; pairs: number; alike: number; tied: number }
export interface Summary {
  id: string;
  title: string;
  prompts: number;
  labelers: ({ name: string } & Record<Verdict, number>)[];
  agreement: Agreement[];
}

const PATH = "/v1/lineage/rankings";
/** `file`: prompts that the server was started with, to be answered. */
export const listSets = () => getJson<{ enabled: boolean; why: string; file: { name: string; prompts: number } | null; sets: Summary[]; notes: string[] }>(PATH);
export const readFile = () => getJson<{ name: string; prompts: Prompt[] }>(`${PATH}/file`);
export const readSet = (id: string, labeler: string) => getJson<RankSet>(`${PATH}/${id}?labeler=${encodeURIComponent(labeler)}`);
export const exportOf = (id: string) => `${PATH}/${id}/export`;

export interface NewPrompt { messages: Message[]; answers: { text: string; model: string; sampling?: object }[] }
/** How many sets this page has made. */
export const setsMade = signal(0);
export async function makeSet(title: string, prompts: NewPrompt[]): Promise<void> {
  await postJson(PATH, { title, prompts });
  ++setsMade.value;
}

// --- records on their way to the server ------------------------------------------------------------

interface Pending { set: string; record: RankRecord; at: number }

// Each in an entry of its own, written at once: tabs and reloads cannot lose one another's.
const ENTRY = "rank.pending.";
const waiting = () => names(ENTRY).map((name) => read<Pending | null>(name, null)).filter((p) => p !== null).sort((a, b) => a.at - b.at);

/** Records that the server has not confirmed yet, in their order. */
export const pending = signal(waiting());
whenOthersWrite(ENTRY, () => { pending.value = waiting(); });

export function queue(set: string, record: RankRecord): void {
  const entry = { set, record, at: Date.now() };
  write(ENTRY + record.id, entry);
  pending.value = [...pending.value, entry];
}

let sending = false;

/**
 * Sends what waits. An Error, with what could not be sent still waiting, when the server is not there; when
 * it takes one of them not, the others are sent first.
 */
async function sendPending(): Promise<void> {
  if (sending) return;
  sending = true;
  let refused: unknown = null;
  try {
    const tried = new Set<string>(); // what is queued meanwhile is sent, too
    for (let next; (next = pending.value.find((p) => !tried.has(p.record.id)));) {
      const { set, record } = next;
      tried.add(record.id);
      try {
        await postJson(`${PATH}/${set}`, record); // the same record twice is one
        remove(ENTRY + record.id);
        pending.value = pending.value.filter((p) => p.record.id !== record.id);
      } catch (error) {
        if (!(error instanceof ServerError) || error.status >= 500 || error.status === 401) throw error;
        refused ??= error;
      }
    }
  } finally {
    sending = false;
  }
  if (refused) throw refused;
}

/** Why the server has not taken what waits. */
export const sendFault = signal("");

const AGAIN_MS = 5000;
let again = 0;

/** Sends what waits, now and until the server has taken it: a disk that was full may have room. */
export async function send(): Promise<void> {
  clearTimeout(again);
  try {
    await sendPending();
    sendFault.value = "";
  } catch (error) {
    sendFault.value = reason(error);
    again = window.setTimeout(() => void send(), AGAIN_MS);
  }
}
whenBack(() => void send());

// --- prompts of a file -----------------------------------------------------------------------------

/** A prompt without answers, or with those of a file. */
export interface Prompt { messages: Message[]; answers: string[] }

function promptOf(record: Record<string, unknown>, place: string): Prompt {
  const given = record.messages ?? record.prompt;
  const messages = typeof given === "string" ? [{ role: "user", content: given }] : given;
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every((m) => typeof m?.role === "string" && typeof m?.content === "string"))
    throw new Error(`${place} has no "prompt" that is a text, and no list "messages"`);
  while (messages.at(-1)?.role === "assistant") messages.pop(); // of conversations the answer is what is ranked
  const answers = (record.responses ?? record.answers ?? []) as unknown;
  if (!Array.isArray(answers)) throw new Error(`${place}: "responses" is no list`);
  return { messages: messages.map(({ role, content }) => ({ role, content })),
    answers: answers.map((a) => (typeof a === "string" ? a : String((a as { text?: unknown })?.text ?? ""))) };
}

/** Lines of JSON, or plain lines of which each is a prompt. An Error names the line. */
export function promptsOf(text: string): Prompt[] {
  const lines = text.split("\n").map((line, i) => ({ line: line.trim(), place: `line ${i + 1}` })).filter((l) => l.line);
  const json = lines[0]?.line.startsWith("{");
  return lines.map(({ line, place }) => {
    if (!json) return { messages: [{ role: "user", content: line }], answers: [] };
    try {
      return promptOf(JSON.parse(line), place);
    } catch (error) {
      throw error instanceof SyntaxError ? new Error(`${place} is no JSON`) : error;
    }
  });
}
