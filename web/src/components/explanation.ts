// What a row of the heat map means, with one item as the models are asked it.
import { h } from "../dom";
import type { Example, Explanation } from "../report";
import { term } from "./glossary";

const MARKS = "<user>, <eot> and <bot> mark the turns of a conversation: the user’s, its end, the model’s.";

function choices(example: Example): HTMLElement {
  return h("ol", { class: "choices" }, ...example.choices.map((c) =>
    h("li", { class: c === example.answer ? "right" : "" }, h("code", {}, c),
      c === example.answer && h("span", { class: "mark right" }, " ✓ right"))));
}

function item(example: Example, accepts: string): HTMLElement {
  const several = accepts !== "";
  return h("div", { class: "item" },
    h("h4", {}, "One item"),
    example.prompt ? h("pre", {}, example.prompt)
      : !example.chat && h("p", {}, "There is no question: the model weighs whole texts."),
    example.chat && h("p", { class: "muted" }, example.prompt ? "The same as a conversation, for models that answer better so:" : "As a conversation:"),
    example.chat && h("pre", {}, example.chat),
    example.chat && h("p", { class: "muted" }, MARKS),
    example.choices.length > 0 && h("h4", {}, "The choices"), example.choices.length > 0 && choices(example),
    example.choices.length === 0 && h("h4", {}, several ? "A right answer" : "The right answer",
      example.choice_count > 0 && ` out of ${example.choice_count} choices`),
    example.choices.length === 0 && h("pre", { class: "wanted" }, example.chain && `${example.chain} answer `, example.answer),
    several && h("p", { class: "accepts" }, accepts));
}

export function explanation(about: Explanation): HTMLElement {
  const row = (name: Node | string, text: string) => text && h("div", {}, h("dt", {}, name), h("dd", {}, text));
  return h("div", { class: "explanation" },
    h("dl", {},
      row("What it measures", about.measures),
      row(term("chance", "Chance"), about.chance),
      row("At chance or below", about.low),
      row("Its parts", about.parts)),
    about.example && item(about.example, about.accepts));
}
