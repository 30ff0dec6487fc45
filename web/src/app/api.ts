// The server's API (docs/serving.md), and whether it can be reached.
import { signal } from "@preact/signals";
import { stored } from "./stored";

/** "lost": no answer; the page tries again until there is one. */
export const connection = signal<"up" | "lost">("up");
/** The server wants a key, and has none or a wrong one. */
export const keyWanted = signal(false);
export const key = stored("key", "");

/** An answer that is an error, in the server's words. */
export class ServerError extends Error {
  constructor(message: string, readonly status: number, readonly param = "", readonly code = "") {
    super(message);
  }
}

/** The server did not answer at all. */
export class ServerGone extends Error {
  constructor() {
    super("The server does not answer. This page tries again until it does.");
  }
}

/** What is said of a fault. */
export const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function failure(response: Response): Promise<ServerError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return new ServerError(error.message, response.status, error.param ?? "", error.code ?? "");
  } catch {
    return new ServerError(text || response.statusText, response.status);
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers: Record<string, string> = { ...(init.headers as Record<string, string>) };
  if (key.value) headers.Authorization = `Bearer ${key.value}`;
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    lose();
    throw new ServerGone();
  }
  if (response.status === 401) keyWanted.value = true;
  if (!response.ok) throw await failure(response);
  return response;
}

const asJson = (body: unknown, signal?: AbortSignal): RequestInit => ({
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
});

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send(path, { signal })).json() as Promise<T>;
}

export async function getText(path: string): Promise<string> {
  return (await send(path, {})).text();
}

export async function postJson<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await send(path, asJson(body, signal))).json() as Promise<T>;
}

/** The events of a stream. Ends early, without an error, when `signal` is aborted. */
export async function* postStream<T>(path: string, body: object, signal: AbortSignal): AsyncGenerator<T> {
  try {
    const response = await send(path, asJson({ ...body, stream: true }, signal));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new ServerGone(); // a stream ends with [DONE]
      const events = (rest + value).split("\n\n");
      rest = events.pop()!;
      for (const event of events) {
        const data = event.slice("data: ".length);
        if (data === "[DONE]") return;
        const chunk = JSON.parse(data);
        if (chunk.error) throw new ServerError(chunk.error.message, 500, "", chunk.error.code ?? "");
        yield chunk as T;
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof TypeError) { // the connection broke
      lose();
      throw new ServerGone();
    }
    throw error;
  }
}

// --- the connection ----------------------------------------------------------------------------

const RETRY_MS = 1000, PULSE_MS = 5000;
const onReturn: (() => void)[] = [];
/** How often the server has come back, or was given a key: what failed before is worth another try. */
export const returns = signal(0);
/** Calls back whenever the server has come back, or a key was given. */
export function whenBack(call: () => void): void {
  onReturn.push(call);
}

function lose(): void {
  if (connection.value === "lost") return;
  connection.value = "lost";
  const again = async () => {
    const up = await fetch("/health").then((r) => r.ok, () => false);
    if (!up) return void setTimeout(again, RETRY_MS);
    connection.value = "up";
    ++returns.value;
    for (const call of onReturn) call();
  };
  setTimeout(again, RETRY_MS);
}

if (typeof document !== "undefined")
  setInterval(() => {
    if (connection.value === "up" && document.visibilityState === "visible") fetch("/livez").catch(lose);
  }, PULSE_MS);

export function giveKey(text: string): void {
  key.value = text.trim();
  keyWanted.value = false;
  ++returns.value;
  for (const call of onReturn) call();
}
