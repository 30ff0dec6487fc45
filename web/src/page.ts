// The page as a whole: a heading and the sections that the report has something for.
import { edgePanels } from "./components/edges";
import { feedback, hasFeedback } from "./components/feedback";
import { rewardModels } from "./components/rewards";
import { glossary, stages, term } from "./components/glossary";
import { heatmap } from "./components/heatmap";
import { learningCurves } from "./components/curves";
import { provenance } from "./components/provenance";
import { samples } from "./components/samples";
import { familyTree } from "./components/tree";
import { choice, h } from "./dom";
import { count, duration, plural } from "./format";
import { machine, seconds, type Report } from "./report";

interface Section {
  id: string;
  title: string;
  lead: (string | HTMLElement)[];
  shown?: (report: Report) => boolean; // always, where it is not given
  draw: (report: Report) => HTMLElement;
}

const SECTIONS: Section[] = [
  { id: "tree", title: "Family tree", draw: (report) => h("div", {}, familyTree(report), stages(report)),
    lead: ["Every model, what it grew from, and what it was trained on. Dashed: ", term("control", "controls"), ", which share a stage’s cost but not its content. Dotted: a second parent, as the one that wrote the answers."] },
  { id: "abilities", title: "Abilities", draw: heatmap,
    lead: ["Each row an ", term("ability"), ", each column a model (", term("node"), "), children right of their ", term("parent", "parents"), ". Colour runs from ", term("chance"), " to the best possible score. A row opens to what it measures, one ", term("item"), " of it, and its parts. Point at a cell, or walk with the arrow keys, for its ", term("interval"), "."] },
  { id: "edges", title: "What each stage gave, and what it took", draw: edgePanels,
    lead: ["Child minus parent on the same items, ", term("seed"), " by seed, greatest improvement first. Filled: the interval leaves out zero; pale: it does, but not after ", term("holm"), " for all abilities of the pair. Open: no significant change, or one of less than .005."] },
  { id: "rewards", title: "Reward models", draw: rewardModels, shown: (report) => report.rewards.length > 0,
    lead: ["The share of ", term("heldout", "held-out"), " pairs of answers that each puts into the right order, with its ", term("interval"), ". Annotators err; the ", term("gold", "utility"), " that they go by does not. Length alone: the shorter or the longer answer, whichever is right more often."] },
  { id: "feedback", title: "Learning from feedback", draw: feedback, shown: hasFeedback,
    lead: ["What each model does after it, and what its ", term("parent"), " did, on requests ", term("heldout", "held out"), " of training. The model learns from the ", term("reward"), "; the ", term("gold", "gold utility"), " says what that is worth."] },
  { id: "curves", title: "Learning curves", draw: learningCurves,
    lead: ["Losses in ", term("nats"), " a ", term("token"), ". Every generation has the same width whatever its tokens, and a child starts where its parent ended; a line is the mean of the seeds, which stand faint behind it."] },
  { id: "answers", title: "Answers", draw: samples, lead: ["The same prompt, put to every model."] },
  { id: "glossary", title: "Glossary", draw: glossary, lead: ["The words of this page."] },
  { id: "provenance", title: "Provenance", draw: provenance, lead: ["What it takes to grow this tree again."] },
];

function headline(report: Report): string {
  const sizes = report.nodes.map((n) => n.parameters);
  const parts = [
    plural(report.nodes.length, "model"),
    sizes.length ? `${[...new Set([Math.min(...sizes), Math.max(...sizes)])].map(count).join(" to ")} parameters` : "",
    `${count(report.nodes.reduce((sum, n) => sum + n.tokens, 0))} tokens`,
    report.abilities.length ? plural(new Set(report.abilities.map((a) => a.ability)).size, "ability", "abilities") : "",
    plural(report.seeds.length, "seed"),
    seconds(report) ? duration(seconds(report)) : "",
    machine(report),
  ];
  return parts.filter(Boolean).join(" · ");
}

function themeChoice(): HTMLElement {
  return choice("Colours", [["light dark", "auto"], ["light", "light"], ["dark", "dark"]], "light dark",
    (scheme) => { document.documentElement.style.colorScheme = scheme; });
}

export function page(report: Report): HTMLElement {
  const sections = SECTIONS.filter((s) => s.shown?.(report) ?? true);
  return h("div", { class: "page" },
    h("header", {},
      h("p", { class: "brand" }, "Lineage"),
      h("h1", {}, report.name),
      h("p", { class: "headline" }, headline(report)),
      h("nav", { "aria-label": "Sections" }, ...sections.map((s) => h("a", { href: `#${s.id}` }, s.title.replace(/^What.*/, "Gave and took"))), themeChoice())),
    h("main", {}, ...sections.map((s) => h("section", { id: s.id, "aria-labelledby": `${s.id}-title` },
      h("h2", { id: `${s.id}-title` }, s.title), h("p", { class: "lead" }, ...s.lead), s.draw(report)))),
    h("footer", {}, "Scores are of small models; they say which training stage moved what here, not how large models fare."));
}
