// An answer of a chat as it is written: the request, its stream, the numbers beside it.
import { postStream, reason } from "./api";
import type { Answer, Source, ToolRun } from "./conversations";
import type { Sampling } from "./parts/sampling";

export interface Options {
  filter: string; // the moderation model that judges first; "": none
  tools: boolean;
  documents: boolean;
}

interface Chunk {
  choices: { delta: { content?: string }; finish_reason: string | null }[];
  usage?: { completion_tokens: number } | null;
  lineage?: { refused_by?: string | null; tools?: ToolRun[]; sources?: Source[] };
}

export interface Question {
  model: string;
  messages: { role: string; content: string }[];
  sampling: Sampling & { seed: number };
  options: Options;
  /** The text of an answer to go on with; it is the last of `messages`, too. */
  begun?: string;
}

function body(q: Question): object {
  const { temperature, top_p, max_tokens, seed, presence_penalty, frequency_penalty } = q.sampling;
  const lineage = { ...(q.options.tools && { tools: true }), ...(q.options.documents && { documents: true }) };
  return {
    model: q.model, messages: q.messages, temperature, top_p, max_tokens, seed, presence_penalty, frequency_penalty,
    stream_options: { include_usage: true },
    ...(q.begun !== undefined && { continue_final_message: true, add_generation_prompt: false }),
    ...(q.options.filter && { moderation: { model: q.options.filter } }),
    ...(Object.keys(lineage).length > 0 && { lineage }),
  };
}

export function begunAnswer(q: Question): Answer {
  return { text: q.begun ?? "", model: q.model, sampling: q.sampling, finish: "", refusedBy: "", tokens: 0,
    firstToken: null, rate: null, tools: [], sources: [], error: "" };
}

/**
 * Calls `show` with the answer so far, at most once for each frame, and at the end. It does not
 * throw: a fault is the answer's `error`, and what was written before it stays.
 */
export async function answer(q: Question, signal: AbortSignal, show: (a: Answer) => void): Promise<void> {
  let a = begunAnswer(q), drawn = 0, first = 0, last = 0;
  const began = performance.now();
  const update = (change: Partial<Answer>) => {
    a = { ...a, ...change };
    drawn ||= requestAnimationFrame(() => { drawn = 0; show(a); });
  };
  let pieces = 0;
  try {
    for await (const chunk of postStream<Chunk>("/v1/chat/completions", body(q), signal)) {
      const choice = chunk.choices[0];
      const text = choice?.delta.content;
      if (text) {
        last = performance.now();
        if (!first) first = last;
        ++pieces;
        update({ text: a.text + text, firstToken: Math.round(10 * (first - began)) / 10, tokens: pieces });
      }
      if (choice?.finish_reason) update({ finish: choice.finish_reason });
      if (chunk.usage) update({ tokens: chunk.usage.completion_tokens });
      if (chunk.lineage?.refused_by) update({ refusedBy: chunk.lineage.refused_by });
      if (chunk.lineage?.tools) update({ tools: [...a.tools, ...chunk.lineage.tools] });
      if (chunk.lineage?.sources) update({ sources: chunk.lineage.sources });
    }
    if (signal.aborted) update({ finish: "stopped" });
  } catch (error) {
    update({ finish: "failed", error: reason(error) });
  }
  cancelAnimationFrame(drawn);
  show({ ...a, rate: pieces > 1 ? (1000 * (a.tokens - 1)) / Math.max(1, last - first) : null });
}
