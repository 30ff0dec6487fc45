// State that outlives a reload: a signal whose value is in the browser's storage.
import { effect, signal, type Signal } from "@preact/signals";

/** Why something could not be stored, as a full disk; "" while all is well. */
export const storageFailure = signal("");

const PREFIX = "lineage.";

export function read<T>(key: string, initial: T): T {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? initial : (JSON.parse(text) as T);
  } catch {
    return initial; // of another version, or storage is off
  }
}

export function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
    storageFailure.value = "";
  } catch (error) {
    storageFailure.value = `This browser stores no more (${error instanceof Error ? error.message : error}). What is on the screen is kept until the page is closed; export it, or remove old conversations.`;
  }
}

/** The names that begin so. */
export function names(beginning: string): string[] {
  try {
    return Object.keys(localStorage).filter((k) => k.startsWith(PREFIX + beginning)).map((k) => k.slice(PREFIX.length));
  } catch {
    return []; // storage is off
  }
}

/** Calls back when another tab has changed what is stored under a name that begins so. */
export function whenOthersWrite(beginning: string, call: () => void): void {
  if (typeof addEventListener === "function")
    addEventListener("storage", (e) => { if (e.key === null || e.key.startsWith(PREFIX + beginning)) call(); });
}

export function remove(key: string): void {
  localStorage.removeItem(PREFIX + key);
}

const WAIT_MS = 250; // a stream changes a value at every frame
const waiting = new Map<string, () => void>();

function flush(): void {
  for (const [name, save] of waiting) {
    waiting.delete(name);
    save();
  }
}
if (typeof addEventListener === "function") addEventListener("pagehide", flush);

/**
 * A signal whose changes are written to storage, a moment later, and when the page is left. A shared one
 * follows what another tab writes: lists that both add to lose nothing.
 */
export function stored<T>(name: string, initial: T, { shared = false } = {}): Signal<T> {
  const value = signal(read(name, initial));
  let first = true;
  if (shared && typeof addEventListener === "function")
    addEventListener("storage", (e) => {
      if (e.key !== PREFIX + name) return;
      waiting.delete(name);
      first = true; // not written back
      value.value = read(name, initial);
    });
  effect(() => {
    const now = value.value;
    if (first) return void (first = false);
    if (waiting.size === 0) setTimeout(flush, WAIT_MS);
    waiting.set(name, () => write(name, now));
  });
  return value;
}
