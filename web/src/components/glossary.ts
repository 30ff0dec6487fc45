// The words of the page, explained once; `term` leads to them from where they are used.
import { h } from "../dom";
import { stageOf } from "../lineage";
import type { Report } from "../report";

const WORDS = {
  ability: "Something that a model can or cannot do, and that a row of the heat map measures.",
  bits: "How many yes-or-no questions it takes, on average, to find each byte of a text with the model’s help. Less is better.",
  chance: "The score of a model that does not have the ability: the greatest of guessing at random, of giving the most frequent answer every time, and of a simple trick where there is one.",
  control: "A model that shares the cost of a stage but not its content. What a stage gave beyond its control comes from the content.",
  fewshot: "Worked examples stand before the question; 4-shot means four of them, 0-shot none.",
  feedme: "Fine-tuning on answers that a model wrote itself and that a judge rated best. OpenAI’s name for how some GPT-3.5 models were made.",
  gold: "What an answer is worth by the rules of the made-up world, which no model sees: truth, the task done, both sides told, a refusal where one is due, and form.",
  greedy: "The model writes the likeliest token at each step, so it gives the same answer every time.",
  heldout: "Kept from all training, so that a right answer cannot come from having seen it.",
  holm: "With many rows some look changed by luck alone. The adjustment raises the p values so that this happens in one list out of twenty at most.",
  interval: "Where the true score lies in 95 of 100 such measurements. A narrow interval means that many items were asked.",
  kl: "How far a model has moved from its parent, in nats: how much less likely its answers are to the parent.",
  item: "One question, or one pair of sentences, of a row.",
  n: "The number of items asked.",
  nats: "The unit of the loss: how surprised the model is by each token of a text. 0 is no surprise; guessing among e = 2.7 tokens is 1 nat.",
  node: "One model of the family tree.",
  p: "How often luck alone would give a difference at least as large if there were none.",
  parent: "The model whose weights another one started from.",
  passat1: "The share of programs that pass all hidden tests at the first try.",
  reward: "The number that a model learns to raise: what a reward model gives to its answer, or the utility itself.",
  seed: "The number that all random choices of a run are drawn from. Models of other seeds had the same training and other luck.",
  sft: "Supervised fine-tuning: training on instructions with good answers, so that the model answers instead of going on with the text.",
  token: "The unit that a model reads and writes: a word, a number, a sign, or a piece of one.",
} as const;
type Word = keyof typeof WORDS;

const NAMES: Partial<Record<Word, string>> = {
  bits: "bits per byte", gold: "gold utility", kl: "KL", fewshot: "few-shot", feedme: "FeedME", heldout: "held out", holm: "Holm’s adjustment",
  p: "p value", passat1: "pass@1", sft: "SFT",
};
const nameOf = (word: Word) => NAMES[word] ?? word;

/** A word of the text that leads to its explanation, and shows it when pointed at. */
export function term(word: Word, text: string = nameOf(word)): HTMLElement {
  return h("a", { class: "term", href: `#term-${word}`, title: WORDS[word] }, text);
}

/** What the stages of this tree are, each in a sentence, and what the world is that they read. */
export function stages(report: Report): HTMLElement {
  const used = [...new Map(report.nodes.map(stageOf).map((s) => [s.name, s])).values()].filter((s) => s.about);
  const mica = report.nodes.some((n) => n.data.some((d) => d.kind.startsWith("micro-world")));
  return h("dl", { class: "stages" },
    mica && h("div", {}, h("dt", {}, "Mica"), h("dd", {}, "The small made-up world that these models read about: its persons, cities, stories, second language and programs are generated, so that it is known what each model has read and which answers are right.")),
    ...used.map((s) => h("div", {}, h("dt", {}, s.name), h("dd", {}, s.about))));
}

export function glossary(): HTMLElement {
  const words = (Object.keys(WORDS) as Word[]).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  return h("dl", { class: "glossary" }, ...words.map((word) =>
    h("div", { id: `term-${word}` }, h("dt", {}, h("dfn", {}, nameOf(word))), h("dd", {}, WORDS[word]))));
}
