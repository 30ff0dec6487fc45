// Reward models: what they order rightly, and how far their certainty can be trusted.
import { h, svg } from "../dom";
import { exact, unsigned } from "../format";
import type { Report, Reward, RewardPart } from "../report";
import { byNode, counts, intervals, numbers, present } from "../seeds";
import { stack, table } from "./table";
import { word, wordList } from "./words";

const SIZE = 190, EDGE = 30;

/** Of pairs by the predicted chance of the better answer, how often it was the better one. */
function calibration(seeds: Reward[]): HTMLElement {
  const side = SIZE - EDGE;
  const low = Math.min(0.5, ...seeds.flatMap((r) => r.calibration.map((p) => p.seen)));
  const x = (v: number) => EDGE + ((v - 0.5) / 0.5) * (side - 8), y = (v: number) => side - ((v - low) / (1 - low)) * (side - 8);
  const most = Math.max(...seeds.flatMap((r) => r.calibration.map((p) => p.n)));
  const label = (text: string, at: [number, number], anchor: string) =>
    svg("text", { x: at[0], y: at[1], "text-anchor": anchor }, text);
  return h("figure", { class: "calibration" }, h("h4", {}, "Predicted and seen"),
    svg("svg", { width: SIZE, height: SIZE, role: "img", "aria-label": "How often the answer of more reward is the better one, by the predicted chance" },
      svg("path", { class: "axis", d: `M${EDGE},8V${side}H${SIZE}` }),
      svg("path", { class: "even", d: `M${x(0.5)},${y(0.5)}L${x(1)},${y(1)}` }),
      label("1", [EDGE - 5, y(1) + 4], "end"), label(unsigned(low, low === 0.5 ? 1 : 2), [EDGE - 5, y(low) + 4], "end"),
      label(".5", [x(0.5), side + 14], "middle"), label("1", [x(1), side + 14], "middle"),
      ...seeds.flatMap((r) => [
        svg("path", { d: `M${r.calibration.map((p) => `${x(p.predicted)},${y(p.seen)}`).join("L")}` }),
        ...r.calibration.map((p) => svg("circle", { cx: x(p.predicted), cy: y(p.seen), r: 1.5 + 3.5 * Math.sqrt(p.n / most) },
          svg("title", {}, `predicted ${unsigned(p.predicted)}, seen ${unsigned(p.seen)}, ${exact(p.n)} pairs, seed ${r.seed}`)))])),
    h("figcaption", { class: "muted" }, "across: the predicted chance that an answer is the better one; up: how often it is; dashed: both alike. Larger dots, more pairs."));
}

function partRows(report: Report, seeds: Reward[], of: (r: Reward) => RewardPart[], before = ""): (string | HTMLElement)[][] {
  return of(seeds[0]!).map(({ id }) => {
    const parts = present(seeds.map((r) => of(r).find((p) => p.id === id)));
    const right = parts.map((p) => p.right);
    return [word(report, id, before), stack(intervals(right)), stack(intervals(present(parts.map((p) => p.length_only)))), counts(right.map((i) => i.n))];
  });
}

export function rewardModels(report: Report): HTMLElement {
  return h("div", {}, ...byNode(report.rewards).map(({ node, seeds }) => {
    const labels = present(seeds.map((r) => r.labels)), utility = present(seeds.map((r) => r.utility));
    const agreement = seeds.map((r) => r.agreement);
    return h("div", { class: "feedback", "data-reward": node }, h("h3", {}, node),
      agreement.some((a) => a > 0) && h("p", { class: "muted" }, `Two annotators agree on ${numbers(agreement)} of the pairs.`),
      h("div", { class: "beside" },
        table(["pairs", "in the right order", "by length alone", "n"], [
          ...(labels.length ? [["as annotators ranked them", stack(intervals(labels)), "", counts(labels.map((i) => i.n))]] : []),
          ...(utility.length ? [["by the utility, which has no noise", stack(intervals(utility)), stack(intervals(present(seeds.map((r) => r.length_only)))), counts(utility.map((i) => i.n))]] : []),
          ...partRows(report, seeds, (r) => r.kinds), ...partRows(report, seeds, (r) => r.terms, "differing most in ")]),
        seeds.some((r) => r.calibration.length > 0) && calibration(seeds)));
  }), wordList(report, report.rewards.flatMap((r) => [...r.kinds, ...r.terms].map((p) => p.id))));
}
