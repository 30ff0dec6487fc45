// A made-up report of a given size for tests and for looking at the page: nine nodes, sixteen
// abilities, three seeds. Numbers follow the shape of a family tree but nothing was measured.
//   node test/example.mjs [--feedback] > report.json
import { pathToFileURL } from "node:url";

/** A small generator with a seed, so that the picture is the same every time (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const ABILITIES = [
  ["A01", "grammar", "pair accuracy", 0.5, "logit margin"],
  ["A02", "open generation", "share of sentences that parse", 0, "held-out bits/token"],
  ["A03", "world knowledge", "macro accuracy", 0.04, "bits recovered a fact"],
  ["A04", "commonsense", "accuracy", 0.5, "logit margin"],
  ["A05", "in-context binding", "accuracy over all labels", 0.031, "NLL of the answer"],
  ["A06", "in-context function", "exact match", 0.04, "NLL of the answer"],
  ["A07", "few-shot, known tasks", "accuracy", 0.1, "NLL of the answer"],
  ["A08", "instruction following", "exact match", 0.02, "NLL of the answer"],
  ["A09", "unseen instructions", "exact match", 0.059, "NLL of the answer"],
  ["A10", "code generation", "pass@1", 0, "share of asserts passed"],
  ["A11", "code understanding", "exact match", 0.05, "NLL of the answer"],
  ["A12", "word problems of two to four steps, worked out in a chain of thought", "answer accuracy, 2–4 steps", 0.048, "step accuracy"],
  ["A13", "long range", "accuracy at distance ≥ 64", 0.125, "NLL of the answer"],
  ["A14", "entity tracking", "accuracy, moved items", 0.06, "NLL of the answer"],
  ["A22", "belief overwriting", "context-follow rate", 0.04, "log odds context/memory"],
  ["A25", "second language", "accuracy", 0.25, "NLL of the answer"],
];

// name, stage, parent, parameters, tokens, control, data, scores in the order of ABILITIES
const NODES = [
  ["davinci", "pretrain", null, 1.02e6, 20e6, false, { text: 0.9, language_b: 0.1 },
    [0.95, 0.81, 0.71, 0.74, 0.92, 0.21, 0.34, 0.05, 0.04, 0.0, 0.06, 0.07, 0.31, 0.14, 0.38, 0.61]],
  ["davinci-s", "pretrain", null, 0.35e6, 20e6, false, { text: 0.9, language_b: 0.1 },
    [0.9, 0.7, 0.52, 0.66, 0.78, 0.12, 0.22, 0.03, 0.03, 0.0, 0.05, 0.05, 0.2, 0.09, null, 0.5]],
  ["davinci-long", "pretrain", "davinci", 1.02e6, 5.6e6, true, { text: 0.9, language_b: 0.1 },
    [0.955, 0.83, 0.76, 0.75, 0.93, 0.22, 0.35, 0.05, 0.05, 0.0, 0.06, 0.08, 0.32, 0.15, 0.4, 0.63]],
  ["code-cushman-001", "pretrain", "davinci-s", 0.35e6, 5.6e6, false, { code: 0.9, text: 0.1 },
    [0.87, 0.6, 0.4, 0.64, 0.8, 0.16, 0.25, 0.04, 0.03, 0.27, 0.31, 0.12, 0.34, 0.22, null, 0.46]],
  ["code-davinci-002", "pretrain", "davinci", 1.02e6, 8.4e6, false, { code: 0.67, text: 0.33 },
    [0.945, 0.8, 0.69, 0.75, 0.95, 0.33, 0.41, 0.06, 0.05, 0.38, 0.47, 0.21, 0.49, 0.35, 0.41, 0.6]],
  ["davinci-instruct-beta", "sft", "davinci", 1.02e6, 0.3e6, false, { instructions: 1 },
    [0.93, 0.71, 0.68, 0.73, 0.78, 0.15, 0.28, 0.42, 0.07, 0.0, 0.06, 0.16, 0.3, 0.14, 0.35, 0.57]],
  ["text-davinci-001", "feedme", "davinci", 1.02e6, 1.8e6, false, { instructions: 0.7, own_answers: 0.3 },
    [0.925, 0.69, 0.67, 0.73, 0.7, 0.12, 0.25, 0.78, 0.21, 0.01, 0.07, 0.38, 0.29, 0.18, 0.33, 0.56]],
  ["text-davinci-002", "feedme", "code-davinci-002", 1.02e6, 1.8e6, false, { instructions: 0.7, own_answers: 0.3 },
    [0.93, 0.7, 0.66, 0.74, 0.74, 0.2, 0.3, 0.83, 0.26, 0.33, 0.43, 0.61, 0.44, 0.37, 0.36, 0.56]],
  ["td2-mix", "pretrain", "text-davinci-002", 1.02e6, 2e6, true, { text: 1 },
    [0.94, 0.77, 0.7, 0.74, 0.88, 0.27, 0.36, 0.7, 0.2, 0.25, 0.36, 0.5, 0.44, 0.34, 0.39, 0.58]],
];

const STAGES = {
  pretrain: { kind: "base", title: "pretraining", about: "The model learns to predict the next token." },
  continued: { kind: "base", title: "continued pretraining", about: "The same training goes on." },
  sft: { kind: "tuned", title: "instruction tuning", about: "The model learns to answer." },
  feedme: { kind: "feedback", title: "FeedME", about: "The model learns from its best answers." },
};
const SEEDS = [1, 2, 3];
const hex = (draw, n) => Array.from({ length: n }, () => Math.floor(draw() * 16).toString(16)).join("");

function curve(draw, from, to, tokens, rate, at = 0) {
  const points = 60;
  const xs = [], ys = [];
  for (let i = 1; i <= points; ++i) {
    const t = i / points;
    const drop = at > 0 ? 1 / (1 + Math.exp(-(t - at) * rate)) : 1 - Math.exp(-rate * t);
    xs.push(Math.round(t * tokens));
    ys.push(Number((from + (to - from) * drop + (draw() - 0.5) * 0.04 * (0.4 + from - to)).toFixed(4)));
  }
  return { tokens: xs, values: ys };
}

export function example({ nodes = NODES.length, abilities = ABILITIES.length } = {}) {
  const draw = random(7);
  const chosen = NODES.slice(0, nodes);
  const report = {
    format: "lineage report", version: 3, name: "gpt35-micro", created: "2025-01-31T12:34:56Z",
    code: "0.1.0", seeds: SEEDS, confidence: 0.95,
    runs: [{ command: "lineage grow recipes/gpt35-micro.toml --seeds 3", machine: "AMD EPYC 7R13, 2 cores",
        code: "0.1.0", started: "2025-01-31T11:58:00Z", seconds: 1704 },
      { command: "lineage eval runs", machine: "", code: "0.1.0", started: "2025-01-31T12:27:00Z", seconds: null }],
    recipe: 'name = "gpt35-micro"\nseed = 1\n\n[nodes.davinci]\nstage = "pretrain"\n',
    nodes: [], abilities: [], explanations: [], scores: [], contrasts: [], edges: [], curves: [], events: [], rewards: [], feedback: [], words: [], samples: [], notes: [],
  };
  report.abilities = ABILITIES.slice(0, abilities).map(([id, name, metric, chance, log_likelihood]) => ({
    id, ability: id, of: "", scenario: `${id}.${name.replaceAll(/\W+/g, "_")}`, name, label: `${id} ${name}`,
    metric, unit: "", better: "higher", target: null, chance, low: 0, high: 1, log_likelihood }));
  // All rows but the last are explained; of the tenth several answers are right.
  report.explanations = report.abilities.slice(0, -1).map((a, i) => ({
    ability: a.id, measures: `Something about ${a.name} is asked.`, chance: "A guess.", low: "Nothing is known.",
    accepts: a.id === "A10" ? "Every program that passes its tests counts." : "", parts: i === 4 ? "The parts are shots." : "",
    example: i === 1 ? null : i % 2
      ? { prompt: "<src:web> q : what is 2 + 3 ? a :", chat: "<user> what is 2 + 3 ? <eot> <bot>", choices: [], choice_count: 0, chain: "", answer: "5" }
      : { prompt: "", chat: "", choices: ["a cat runs .", "a cat run ."], choice_count: 2, chain: "", answer: "a cat runs ." } }));
  // The fifth row opens to its shots.
  const shots = abilities > 4 ? ["no shot", "2 shots", "8 shots"].map((name, k) => ({
    ...report.abilities[4], id: `A05/${name}`, of: "A05", name, label: name, chance: 0.03 + 0.01 * k })) : [];
  report.abilities.splice(5, 0, ...shots);
  for (const [name, stage, parent, parameters, tokens, control, data] of chosen) {
    report.nodes.push({
      name, stage, ...STAGES[stage === "pretrain" && parent ? "continued" : stage], parents: parent ? [parent] : [], control,
      control_of: control && parent === "davinci" ? "code-davinci-002" : "", parameters,
      layers: parameters > 5e5 ? 4 : 3, width: parameters > 5e5 ? 128 : 96, context: 256, tokens,
      steps: Math.round(tokens / 4096), tokenizer: hex(draw, 64),
      config: `[model]\nlayers = 4\nwidth = 128\n\n[${stage}]\ntokens = ${tokens}\nbatch_tokens = 4096\n`,
      data: Object.entries(data).map(([source, share]) => ({
        name: source, kind: "micro-world text", licence: "generated", documents: Math.round(tokens * share / 31),
        tokens: Math.round(tokens * share * 0.7), trained: Math.round(tokens * share),
        epochs: 1 / 0.7, digest: hex(draw, 64) })),
      grown: SEEDS.map((seed) => ({
        seed, weights: hex(draw, 64), identity: hex(draw, 64), created: "2025-01-31T12:30:00Z",
        code: "0.1.0", seconds: Math.round(tokens * parameters / 6.5e10) })),
    });
  }
  for (const [name, , parent, , tokens, , , values] of chosen) {
    const above = NODES.find((n) => n[0] === parent);
    report.abilities.forEach((a) => {
      const i = ABILITIES.findIndex(([id]) => id === a.ability);
      const value = values[i];
      if (value === null) {
        report.scores.push({ node: name, ability: a.id, score: null, items: null, log_likelihood: null, format: null,
          n: 1068, per_seed: SEEDS.map(() => null), prompting: "", at_chance: false, skill: null, not_measurable: "the control on fresh names is .71; wanted more than .90" });
        return;
      }
      const half = 0.012 + 0.05 * Math.sqrt(value * (1 - value));
      const around = (v, by) => ({ value: v, low: Math.max(0, v - by), high: Math.min(1, v + by) });
      report.scores.push({
        node: name, ability: a.id, n: 1068, not_measurable: "", format: 0.98,
        at_chance: value - half <= a.chance && value + half >= a.chance, skill: (value - a.chance) / (1 - a.chance),
        per_seed: SEEDS.map(() => Number(Math.min(1, Math.max(0, value + (draw() - 0.5) * half)).toFixed(3))),
        score: around(value, half), items: around(value, half / 2),
        log_likelihood: { value: 3 * (1 - value), low: 3 * (1 - value) - 0.1, high: 3 * (1 - value) + 0.1 },
        prompting: ["sft", "feedme"].includes(name) ? "chat template" : "plain, 4 shots" });
      const compare = (child, other, after, kind) => {
        const before = other[7][i];
        if (before === null || after === null) return;
        const d = Number((after - before).toFixed(3)), s = 0.012 + 0.03 * draw();
        const p = Math.min(1, 2 * Math.exp(-((d / s) ** 2) * 1.9));
        report.contrasts.push({ node: child, parent: other[0], ability: a.id, kind, n: 1068, seeds: 3,
          difference: { value: d, low: d - s, high: d + s }, items: { value: d, low: d - s / 2, high: d + s / 2 },
          p, holm: a.of === "" ? Math.min(1, 5 * p) : null,
          change: Math.abs(d) <= s ? "open" : Math.abs(d) < 0.005 ? "small" : d > 0 ? "better" : "worse" });
      };
      if (above) compare(name, above, value, "parent");
      const against = report.nodes.find((n) => n.control_of === name);
      if (against) compare(name, NODES.find((n) => n[0] === against.name), value, "control");
    });
    const root = parent === null;
    for (const seed of SEEDS) {
      report.curves.push({ node: name, seed, metric: "loss", tag: "", heldout: false,
        ...curve(draw, root ? 4.2 : 1.9, root ? 1.45 : 1.3, tokens, root ? 6 : 4) });
      ABILITIES.slice(0, Math.min(12, abilities)).forEach(([, label], i) => {
        const { tokens: at, values: loss } = curve(draw, above ? 3 * (1 - (above[7][i] ?? 0.3)) : 3.4, 3 * (1 - (values[i] ?? 0.3)), tokens,
          root ? 14 : 6, root ? 0.2 + 0.05 * i : 0);
        const few = (list) => list.filter((_, k) => k % 6 === 5);
        report.curves.push({ node: name, seed, metric: "loss", tag: `text/${label}`, heldout: true, tokens: few(at), values: few(loss) });
      });
    }
  }
  report.edges = report.nodes.flatMap((node) => ["parent", "control"].flatMap((kind) => {
    const own = report.contrasts.map((c, i) => ({ ...c, i }))
      .filter((c) => c.node === node.name && c.kind === kind && report.abilities.find((a) => a.id === c.ability).of === "")
      .sort((a, b) => b.difference.value - a.difference.value);
    return own.length ? [{ node: node.name, from: own[0].parent, kind, contrasts: own.map((c) => c.i) }] : [];
  }));
  const answer = (texts, wanted) => chosen.map(([name], i) => ({ node: name, text: texts[i], correct: texts[i].trim() === wanted || texts[i].includes(`answer ${wanted}`) }));
  report.samples = [
    { ability: "A12", wanted: "12", prompt: "q: tom has 3 apples . ann has 4 more than tom . ben has 5 more than ann . how many has ben ?\na:",
      answers: answer(["tom has 7 apples . the box is red .", "ann has a red box .", "ben has 9 apples .", "ann = 7", "ann = 3 + 4\nben = ann + 5", "ann has 3 + 4 = 7 . answer 7", "ann has 3 + 4 = 7 . ben has 7 + 5 = 11 . answer 11", "ann has 3 + 4 = 7 . ben has 7 + 5 = 12 . answer 12", "ann has 3 + 4 = 7 . ben has 7 + 5 = 12 . answer 12"], "12") },
    { ability: "A08", wanted: "d c b a", prompt: "reverse the list : a b c d",
      answers: answer([". reverse the list : a b c d . reverse", "the list is a b", "a b c d", "[::-1]", "xs = [a, b, c, d]\nprint(xs[::-1])", "d c a b", "d c b a", "d c b a", "d c b a"], "d c b a") },
    { ability: "A10", wanted: "def f(x):\n    return x * 2 + 1", prompt: '# f doubles x and adds one\n# f(3) == 7\ndef f(x):',
      answers: answer(["the house is old .", "x is red .", "the house is old and red .", "\n    return x + 1", "\n    return x * 2 + 1", "the house", "return x", "\n    return x * 2 + 1", "\n    return 2 * x"], "return x * 2 + 1") },
  ];
  report.notes = ["A15 and A16 are derived from other abilities and stand in the JSON export only."];
  return report;
}

/** The same with a reward model and a policy, in place of two of its nodes. */
export function withFeedback(report = example()) {
  const draw = random(11);
  const counted = (value, half, n) => ({ value, low: value - half, high: value + half, n });
  const [judge, policy] = ["davinci-instruct-beta", "text-davinci-002"];
  report.words = [["improper", "improper requests", "Nobody should help with these."], ["told_400", "facts told 400 times", "A fact of a person with 400 biographies."],
    ["refuses politely", "refuses politely", "The answer declines."], ["refuses otherwise", "refuses otherwise", "It declines in other words."], ["right", "right", "It has the fact asked for."],
    ["truth", "truth", "True claims."]].map(([id, name, about]) => ({ id, name, about }));
  report.rewards = SEEDS.map((seed) => ({ node: judge, seed, agreement: 0.75, noise: 0.8, labels: counted(0.66 + 0.01 * seed, 0.02, 2000),
    utility: counted(0.74 + 0.01 * seed, 0.01, 5200), length_only: counted(0.55, 0.01, 5200),
    kinds: [{ id: "improper", right: counted(0.9, 0.03, 400), length_only: counted(0.6, 0.04, 400) }],
    terms: [{ id: "truth", right: counted(0.7, 0.03, 900), length_only: null }],
    calibration: Array.from({ length: 10 }, (_, i) => ({ predicted: 0.525 + 0.05 * i, seen: 0.53 + 0.04 * i, n: 400 - 35 * i })) }));
  const means = (measure, at) => ({ measure, parent: counted(at, 0.1, 600), model: counted(at + 0.5, 0.1, 600), best_of_4: counted(at + 0.4, 0.1, 600), win_rate: counted(0.7, 0.04, 600),
    model_less_parent: counted(0.5, 0.1, 600), model_less_best_of_4: counted(0.1, 0.1, 600) });
  const rates = (id, refuses, right) => ({ id, n: 1021, utility: { parent: -0.5, model: 0.4 }, behaviours: [
    { id: "refuses politely", share: refuses }, { id: "refuses otherwise", share: { parent: 0, model: 0 } }, { id: "right", share: right }] });
  report.feedback = SEEDS.map((seed) => ({ node: policy, seed, answers: [means("gold", -0.95), means("reward", -0.2)], length: { parent: 7.6, model: 8.5 },
    text: { parent: 1.131, model: 1.14 }, kinds: [rates("improper", { parent: 0.02, model: 0.94 + 0.01 * seed }, { parent: 0, model: 0 }),
      rates("told_400", { parent: 0.05, model: 0.04 }, { parent: 0.49, model: 0.5 })] }));
  const shapes = { reward: (t) => t, gold: (t) => t - t * t, kl: (t) => 8 * t, beta: () => 0.02, entropy: (t) => 0.6 - 0.3 * t, length: (t) => 8 + t,
    clip_fraction: (t) => 0.01 * t, policy_loss: () => 0.001, update_share: () => 0.7, of_ones_own: (t) => t };
  for (const seed of SEEDS)
    for (const [metric, shape] of Object.entries(shapes)) {
      const at = Array.from({ length: 40 }, (_, i) => (i + 1) / 40);
      report.curves.push({ node: policy, seed, metric, tag: "", heldout: false, tokens: at.map((t) => Math.round(t * 1e6) + seed),
        values: at.map((t) => Number((shape(t) * (0.97 + 0.06 * draw())).toFixed(4))) });
    }
  report.events = [{ node: policy, seed: 1, step: 7, text: "length: 31 % of the answers have no end" }, { node: judge, seed: 1, step: 2, text: "not of a policy" }];
  return report;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  process.stdout.write(JSON.stringify(process.argv[2] === "--feedback" ? withFeedback() : example(), null, 1) + "\n");
