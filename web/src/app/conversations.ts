// Conversations, which stay in the browser.
import { signal } from "@preact/signals";
import type { Sampling } from "./parts/sampling";
import { read, remove, stored, write } from "./stored";

/** A tool that the server ran for an answer, and a line that it looked up. */
export interface ToolRun { code: string; result: string; error: string | null }
export interface Source { file: string; line: number; text: string }

export interface Answer {
  text: string;
  model: string;
  sampling: Sampling & { seed: number };
  finish: string; // "" while it is being written
  refusedBy: string; // "model", "filter" or ""
  tokens: number;
  firstToken: number | null; // ms
  rate: number | null; // tokens/s, of the tokens after the first
  tools: ToolRun[];
  sources: Source[];
  error: string;
}

export type Turn =
  | { role: "user"; text: string }
  | { role: "assistant"; answers: Answer[]; shown: number };

export interface Conversation {
  id: string;
  model: string;
  system: string;
  turns: Turn[];
}

export interface Entry { id: string; title: string; changed: number }

export const entries = stored<Entry[]>("conversations", [], { shared: true });
const FORM = "conversation.";
const TITLE = 48;

export function shownAnswer(turn: Turn): Answer | undefined {
  return turn.role === "assistant" ? turn.answers[turn.shown] : undefined;
}

function titleOf(c: Conversation): string {
  const first = c.turns.find((t) => t.role === "user");
  return first?.role === "user" ? first.text.replace(/\s+/g, " ").slice(0, TITLE) : "New conversation";
}

export function newConversation(model: string): Conversation {
  return { id: crypto.randomUUID(), model, system: "", turns: [] };
}

/** The one on the screen; it is saved at each change but those of a stream, which save() ends. */
export const current = signal<Conversation | null>(null);

export function open(id: string): void {
  current.value = read<Conversation | null>(FORM + id, null);
}

export function save(c: Conversation): void {
  write(FORM + c.id, c);
  if (c.turns.length === 0) return;
  const entry = { id: c.id, title: titleOf(c), changed: Date.now() };
  if (entries.value[0]?.id === c.id && entries.value[0].title === entry.title) return;
  entries.value = [entry, ...entries.value.filter((e) => e.id !== c.id)];
}

export function forget(id: string): void {
  remove(FORM + id);
  entries.value = entries.value.filter((e) => e.id !== id);
  if (current.value?.id === id) current.value = null;
}

// --- files ---------------------------------------------------------------------------------------

interface Message { role: string; content: string }

export function messagesOf(c: Conversation): Message[] {
  const messages: Message[] = c.system ? [{ role: "system", content: c.system }] : [];
  for (const turn of c.turns) {
    const answer = shownAnswer(turn);
    if (turn.role === "user") messages.push({ role: "user", content: turn.text });
    else if (answer) messages.push({ role: "assistant", content: answer.text });
  }
  return messages;
}

/** A line of JSON for each, as the stage sft reads them; exchanges without an answer are left out. */
export function exported(all: Conversation[]): string {
  return all.map((c) => {
    const messages = messagesOf(c);
    while (messages.length && (messages.at(-1)!.role !== "assistant" || !messages.at(-1)!.content.trim())) messages.pop();
    return messages.some((m) => m.role === "assistant") ? JSON.stringify({ model: c.model, messages }) + "\n" : "";
  }).join("");
}

export function all(): Conversation[] {
  return entries.value.map((e) => read<Conversation | null>(FORM + e.id, null)).filter((c) => c !== null);
}

/** The conversations of a file of such lines. An Error names the line. */
export function imported(text: string, model: string): Conversation[] {
  const conversations: Conversation[] = [];
  for (const [i, line] of text.replace(/^\ufeff/, "").split("\n").entries()) {
    if (!line.trim()) continue;
    let record: { messages?: unknown; model?: unknown };
    try {
      record = JSON.parse(line);
    } catch {
      throw new Error(`line ${i + 1} is no JSON; wanted {"messages": [{"role": …, "content": …}, …]} in each line`);
    }
    const c = newConversation(typeof record.model === "string" ? record.model : model);
    if (!Array.isArray(record.messages)) throw new Error(`line ${i + 1} has no list "messages"`);
    for (const [k, m] of (record.messages as Partial<Message>[]).entries()) {
      if (typeof m?.content !== "string") throw new Error(`line ${i + 1}, message ${k + 1} has no text "content"`);
      if (m.role === "user") c.turns.push({ role: "user", text: m.content });
      else if (m.role === "assistant") c.turns.push({ role: "assistant", answers: [givenAnswer(m.content, c.model)], shown: 0 });
      else if ((m.role === "system" || m.role === "developer") && k === 0) c.system = m.content;
      else throw new Error(`line ${i + 1}, message ${k + 1} has the role ${JSON.stringify(m.role)}; wanted user or assistant, and system for the first`);
    }
    conversations.push(c);
  }
  if (conversations.length === 0) throw new Error("this file has no conversation");
  return conversations;
}

/** An answer that no model of this page wrote: from a file, or written by the user. */
export function givenAnswer(text: string, model: string): Answer {
  return { text, model, sampling: { temperature: 0, top_p: 1, max_tokens: 0, seed: 0, presence_penalty: 0, frequency_penalty: 0 },
    finish: "given", refusedBy: "", tokens: 0, firstToken: null, rate: null, tools: [], sources: [], error: "" };
}
