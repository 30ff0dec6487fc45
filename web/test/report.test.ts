import { describe, expect, it } from "vitest";
import { mean, otherMetrics, points, strokes, tags } from "../src/components/curves";
import { clear, summary } from "../src/components/edges";
import { apart, hasFeedback, overKl } from "../src/components/feedback";
import { groups } from "../src/components/health";
import { mix } from "../src/components/heatmap";
import { mostTelling } from "../src/components/samples";
import { shares } from "../src/components/tree";
import { count, duration, pValue, signed, significant, unsigned } from "../src/format";
import { columns, indented, measuredNodes, stageName, stageOf, tokensInAll, treeOrder } from "../src/lineage";
import { asReport, edges, index, machine, rows, seconds, type Ability, type Change, type Report } from "../src/report";
import { byNode, change, counts, differences, intervals, learners, median, numbers } from "../src/seeds";
// @ts-expect-error plain JavaScript, used by the page's test as well
import { example, withFeedback } from "./example.mjs";

const report = example() as Report;
const ability = { id: "A", ability: "A", of: "", scenario: "", name: "", label: "", metric: "", unit: "", better: "higher", target: null, chance: 0.5, low: 0, high: 1, log_likelihood: "" } as Ability;

describe("numbers", () => {
  it("are short and carry their sign", () => {
    expect(signed(0.123)).toBe("+.12");
    expect(signed(-0.05)).toBe("\u2212.05");
    expect(signed(-0.001)).toBe(".00");
    expect(unsigned(1)).toBe("1.00");
    expect(unsigned(-0.2, 1)).toBe("\u2212.2");
    expect([350000, 1.02e6, 20e6, 1200, 12].map(count)).toEqual(["0.35M", "1.02M", "20M", "1.2k", "12"]);
    expect([5, 125, 7325].map(duration)).toEqual(["5 s", "2 min 05 s", "2 h 02 min"]);
    expect([0.00001, 0.0312, 0.4].map(pValue)).toEqual(["p < .001", "p = .031", "p = .40"]);
  });
});

describe("the glossary", () => {
  it("explains what leads to it, and every stage of the tree has a sentence", () => {
    expect(report.nodes.map((n) => stageOf(n)).every((s) => s.about.endsWith("."))).toBe(true);
    expect(stageOf({ ...report.nodes[0]!, stage: "ppo2", title: "", about: "" })).toEqual({ name: "ppo2", about: "" });
  });
});

describe("the tree", () => {
  it("stands depth first with siblings in the recipe's order", () => {
    expect(treeOrder(report.nodes).map((n) => n.node.name)).toEqual([
      "davinci", "davinci-long", "code-davinci-002", "text-davinci-002", "td2-mix",
      "davinci-instruct-beta", "text-davinci-001", "davinci-s", "code-cushman-001"]);
  });
  it("gives no two nodes one place, and a parent the middle of its children", () => {
    for (const placed of [columns(report.nodes), indented(report.nodes)]) {
      expect(new Set(placed.map((p) => `${p.column} ${p.row}`)).size).toBe(report.nodes.length);
    }
    const at = new Map(columns(report.nodes).map((p) => [p.node.name, p]));
    expect(at.get("davinci")!.row).toBe((at.get("davinci-long")!.row + at.get("text-davinci-001")!.row) / 2);
    expect(at.get("td2-mix")!.column).toBe(3);
  });
  it("takes a node whose parent is elsewhere for a root", () => {
    const orphan = { ...report.nodes[0]!, name: "orphan", parents: ["0123456789ab"] };
    expect(columns([orphan])).toEqual([{ node: orphan, column: 0, row: 0 }]);
  });
  it("sums a line's tokens and names its stages", () => {
    expect(tokensInAll(report, "text-davinci-002")).toBe(20e6 + 8.4e6 + 1.8e6);
    expect(stageName(report.nodes[0]!)).toBe("pretraining");
    expect(stageName(report.nodes[2]!)).toBe("continued pretraining");
    expect(shares(report.nodes[4]!).map((s) => [s.name, Math.round(100 * s.share)])).toEqual([["code", 67], ["text", 33]]);
  });
});

describe("what an interval tells", () => {
  it("is summed up for an edge, largest first", () => {
    const all = edges(report);
    expect(all.length).toBe(8); // seven parents, one control
    expect(all.filter((e) => e.kind === "control").map((e) => [e.child, e.parent])).toEqual([["code-davinci-002", "davinci-long"]]);
    expect(all.every((e) => e.rows.every((r) => r.ability.of === ""))).toBe(true);
    const values = all[0]!.rows.map((r) => r.contrast.difference.value);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(clear(all[0]!).rows.every((r) => r.contrast.change === "better" || r.contrast.change === "worse")).toBe(true);
    const d = (value: number, half: number) => ({ value, low: value - half, high: value + half });
    const row = (name: string, difference: ReturnType<typeof d>, change: Change) => ({
      ability: { ...ability, name }, contrast: { node: "b", parent: "a", ability: "A", kind: "parent" as const, difference, items: difference, p: 0, holm: 0, n: 1, seeds: 1, change } });
    expect(summary({ parent: "a", child: "b", kind: "parent", rows: [row("x", d(0.3, 0.1), "better"), row("y", d(0, 0.1), "open"), row("w", d(-0.004, 0.001), "small"), row("z", d(-0.2, 0.1), "worse"), row("v", d(0.1, 0.05), "other")] }))
      .toBe("Better: x +.30. Worse: z \u2212.20. Different: v +.10. No significant change: 1 of 5. Changed by less than .005: 1.");
  });
});

describe("answers", () => {
  it("begin with the prompt that divides the nodes", () => {
    const sample = (prompt: string, ...correct: (boolean | null)[]) =>
      ({ ability: "A", prompt, wanted: "", answers: correct.map((c, i) => ({ node: `${i}`, text: "", correct: c })) });
    const all = [sample("a", true, true, true, false), sample("", true, true, false, false),
      sample("b", true, false, true, false), sample("c", false, false, true, true), sample("d", null, null, null, null)];
    expect(mostTelling(all)).toBe(2);
    expect(mostTelling(all.slice(1, 2))).toBe(0);
    expect(mostTelling(all.slice(4))).toBe(0);
  });
});

describe("curves", () => {
  it("put generations side by side", () => {
    const all = points(report, { metric: "loss", heldout: false, tag: "" });
    const child = all.filter((p) => p.node === "code-davinci-002");
    expect(Math.min(...child.map((p) => p.x))).toBeGreaterThan(1);
    expect(Math.max(...child.map((p) => p.x))).toBe(2);
    expect(tags(report)).toHaveLength(12);
    expect(tags(report)[0]).toEqual({ metric: "loss", tag: "text/grammar", heldout: true, source: "text", name: "grammar" });
    const curve = (tag: string, heldout: boolean, metric = "loss") => ({ node: "davinci", seed: 1, metric, tag, heldout, tokens: [1], values: [1] });
    expect(otherMetrics(report)).toEqual([]);
    expect(otherMetrics({ ...report, curves: [curve("", false), curve("", false, "kl"), curve("", true, "reward_accuracy"), curve("books", true, "bits_per_byte")] })
      .map((t) => t.name)).toEqual(["kl", "reward accuracy, held-out"]);
    expect(tags({ ...report, curves: [curve("", false), curve("A05", false), curve("text", true), curve("", false, "kl")] })
      .map((t) => [t.source, t.name])).toEqual([["", "A05 in-context binding"], ["text", "all tokens"]]);
  });
  it("are averaged over seeds that have the same points", () => {
    const point = (seed: number, x: number, value: number) => ({ node: "a", seed, x, tokens: x, value });
    expect(mean([point(1, 0, 1), point(1, 1, 3), point(2, 0, 3), point(2, 1, 5)]).map((p) => p.value)).toEqual([2, 4]);
    expect(mean([point(1, 0, 1), point(2, 0.5, 3)])).toEqual([]);
  });
  it("look different within a kind", () => {
    const looks = [...strokes(report).values()].map((s) => s.colour + s.dash);
    expect(new Set(looks).size).toBe(looks.length);
  });
});

describe("the heat map", () => {
  it("has no column for models that judge answers", () => {
    const judged = example() as Report;
    judged.nodes[3]!.stage = "reward";
    judged.nodes[4]!.stage = "moderation";
    expect(treeOrder(judged.nodes)).toHaveLength(9);
    const names = measuredNodes(judged).map((n) => n.name);
    expect(names).toHaveLength(7);
    expect(names).not.toContain(judged.nodes[3]!.name);
    expect(names).not.toContain(judged.nodes[4]!.name);
  });
});

describe("feedback", () => {
  const report = withFeedback() as Report;
  const counted = (value: number) => ({ value, low: value - 0.02, high: value + 0.02, n: 600 });
  it("shows the median of several seeds, then each", () => {
    expect([[3], [1, 2], [1, 3, 2]].map(median)).toEqual([3, 1.5, 2]);
    expect(intervals([counted(0.68)])).toEqual([".68 [.66, .70]"]);
    expect(intervals([counted(0.66), counted(0.68)])).toEqual([".67", ".66 [.64, .68]", ".68 [.66, .70]"]);
    expect(differences([counted(0.1)])).toEqual(["+.10 [+.08, +.12]"]);
    expect(numbers([1, 2])).toBe("1.50 (1.00, 2.00)");
    expect(numbers([-0.0000123456], significant)).toBe("\u22120.0000123");
    expect(change([{ parent: 0.02, model: 0.95 }])).toBe(".02 → .95");
    expect([counts([600, 600]), counts([600, 598])]).toEqual(["600", "600, 598"]);
    expect(byNode(report.feedback).map((r) => [r.node, r.seeds.length])).toEqual([["text-davinci-002", 3]]);
  });
  it("takes for a policy what has a reward and a KL, whose metrics stand by themselves", () => {
    const policies = learners(report);
    expect([...policies]).toEqual(["text-davinci-002"]);
    expect(otherMetrics(report)).toEqual([]);
    expect(groups(report, policies).map(([title]) => title)).toEqual(["Reward and gold utility", "Distance to the parent", "Entropy",
      "Length", "Losses", "Clipped shares", "Shares of the time", "Others"]);
    expect(hasFeedback(report) && !hasFeedback(example() as Report)).toBe(true);
    expect(overKl(report, "text-davinci-002", "gold")).toHaveLength(3 * 40);
    expect(overKl(report, "davinci", "gold")).toEqual([]);
  });
  it("tells a change from luck", () => {
    expect(apart({ parent: 0.02, model: 0.95 }, 1000)).toBe(true);
    expect(apart({ parent: 0.5, model: 0.55 }, 1000)).toBe(false);
    expect(apart({ parent: 0, model: 0.004 }, 1e6)).toBe(false);
  });
});

describe("the document", () => {
  it("is looked up by node and ability", () => {
    const look = index(report);
    expect(look.score("davinci", "A10")!.score!.value).toBe(0);
    expect(look.score("davinci-s", "A22")!.score).toBeNull();
    expect(look.contrast("davinci", "A01")).toBeUndefined();
    expect(look.contrast("code-davinci-002", "A10")!.parent).toBe("davinci"); // and not its control
    expect(rows(report).map((r) => r.finer.length)).toEqual([0, 0, 0, 0, 3, ...Array(11).fill(0)]);
    expect([machine(report), seconds(report)]).toEqual(["AMD EPYC 7R13, 2 cores", 1704]);
  });
  it("is refused when it is none", () => {
    expect(() => asReport({})).toThrow("holds no report");
    expect(() => asReport({ format: "lineage report", version: 1 })).toThrow("version 1");
    expect(asReport(report)).toBe(report);
  });
  it("colours between three stops", () => {
    expect(mix(0.25, ["--a", "--b", "--c"])).toBe("color-mix(in oklab, var(--b) 50.0%, var(--a))");
    expect(mix(1, ["--a", "--b", "--c"])).toBe("color-mix(in oklab, var(--c) 100.0%, var(--b))");
  });
});
