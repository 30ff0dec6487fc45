// The models of the server.
import { computed, signal } from "@preact/signals";
import { getJson, reason, whenBack } from "./api";

export interface Model {
  id: string;
  root: string; // the whole name, with its tree
  parent: string | null; // an id
  stage: string;
  parameters: number;
  context_length: number;
  seed: number;
  capabilities: ("completion" | "chat" | "reward" | "moderation")[];
  lineage?: { tools: boolean; documents: boolean }; // what a chat may ask the server to do beside
}

export const models = signal<Model[] | null>(null); // null: not known yet
export const modelsFailure = signal("");

export async function loadModels(): Promise<void> {
  try {
    models.value = (await getJson<{ data: Model[] }>("/v1/models")).data;
    modelsFailure.value = "";
  } catch (error) {
    modelsFailure.value = reason(error);
  }
}
whenBack(() => void loadModels());

export const writers = computed(() => (models.value ?? []).filter((m) => m.capabilities.includes("completion")));
export const talkers = computed(() => (models.value ?? []).filter((m) => m.capabilities.includes("chat")));
export const filters = computed(() => (models.value ?? []).filter((m) => m.capabilities.includes("moderation")));

export function modelOf(id: string): Model | undefined {
  return models.value?.find((m) => m.id === id || m.root === id);
}

/** How many models its weights went through, as far as they are here. */
function depth(m: Model): number {
  const parent = m.parent ? modelOf(m.parent) : undefined;
  return parent && parent !== m ? 1 + depth(parent) : 0;
}

/** The model to begin with: the first of those that most stages made. */
export function furthest(among: Model[]): Model | undefined {
  return among.reduce<Model | undefined>((best, m) => (!best || depth(m) > depth(best) ? m : best), undefined);
}

/** What a model can be asked: `GET /v1/lineage/prompts`. */
export interface Prompts {
  about: string; // a sentence on what the model knows; "" of a model of real text
  words: string[] | null; // of a closed vocabulary
  examples: { about: string; turns: string[]; answer: string }[];
}

const known = new Map<string, Promise<Prompts>>();
export function promptsOf(model: string): Promise<Prompts> {
  let found = known.get(model);
  if (!found) {
    found = getJson<Prompts>(`/v1/lineage/prompts?model=${encodeURIComponent(model)}`);
    found.catch(() => known.delete(model));
    known.set(model, found);
  }
  return found;
}
