// Opens reports in a headless Chromium and counts what is drawn.
//   node test/page.mjs CHROMIUM LINEAGE     (LINEAGE: the program, which writes the pages)
// Exits 77 when there is no Chromium: the test is skipped.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";
import { filled } from "./fill.mjs";
import { example, withFeedback } from "./example.mjs";

const [chromium, lineage] = process.argv.slice(2);
if (!chromium || !existsSync(chromium)) {
  console.log("SKIPPED: no Chromium here; install the Debian package chromium");
  process.exit(77);
}

const folder = mkdtempSync(join(tmpdir(), "lineage-page-"));
const write = (name, report) => {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(report));
  const out = join(folder, `${name}.html`);
  execFileSync(lineage, ["report", join(folder, `${name}.json`), "--out", out], { stdio: "pipe" });
  return out;
};

const browser = new Browser(chromium);
const count = (selector) => browser.run(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
// How far names of abilities stand out of their figures at the left, in pixels.
const overhang = () => browser.run(`Math.max(...[...document.querySelectorAll("figure.edge svg")].flatMap((figure) =>
  [...figure.querySelectorAll("text")].map((t) => figure.getBoundingClientRect().left - t.getBoundingClientRect().left)))`);
const tests = {
  async "a tree of nine nodes and sixteen abilities is drawn whole"() {
    const report = example();
    await browser.open(pathToFileURL(write("whole", report)).href);
    assert.equal(await browser.run("document.title"), "gpt35-micro · Lineage");
    assert.equal(await count(".tree article"), 9);
    assert.equal(await count(".tree path[data-edge]"), 7);
    assert.equal(await count(".heatmap td[data-node]"), 9 * 16);
    assert.equal(await count(".heatmap td.gated"), 2);
    assert.equal(await count("figure.edge"), 8);
    assert.equal(await count(".card.control"), 2);
    const heads = new Set(report.abilities.filter((a) => a.of === "").map((a) => a.id));
    const contrasts = report.contrasts.filter((c) => heads.has(c.ability));
    const changed = contrasts.filter((c) => ["better", "worse", "other"].includes(c.change));
    assert.equal(await count("figure.edge [aria-label=dot] circle"), changed.length);
    await browser.run(`[...document.querySelectorAll("#edges .choice button")].find((b) => b.textContent === "all abilities").click()`);
    await browser.settle();
    assert.equal(await count("figure.edge [aria-label=dot] circle"), contrasts.length);
    assert.equal(await count("[data-tag]"), 12);
    assert.ok((await overhang()) <= 1, "a name stands out of its figure");
    assert.ok((await count("[data-tag] [aria-label=line] path")) >= 12 * 9);
    assert.equal(await count(".answers article"), 9);
    assert.equal(await count(".provenance details"), 10);
  },
  async "cells can be walked with the keyboard and tell their interval"() {
    await browser.run(`document.querySelector(".heatmap td[tabindex='0']").focus()`);
    await browser.press("ArrowDown");
    await browser.press("ArrowRight");
    assert.deepEqual(await browser.run("[document.activeElement.dataset.node, document.activeElement.dataset.ability]"),
      ["davinci-long", "A02"]);
    const tip = await browser.run(`document.querySelector("[role=tooltip]").innerText`);
    assert.match(tip, /95 % interval\s+\.7\d+ to \.8\d+ over items and 3 seeds/);
    assert.match(tip, /\.8\d+ to \.8\d+ over items alone/);
    assert.match(tip, /after Holm/);
    assert.match(tip, /against davinci\s+\+\.020/);
    await browser.press("Escape");
    assert.equal(await browser.run(`document.querySelector("[role=tooltip]").style.display`), "none");
  },
  async "a row opens to what it means and to its parts and closes again, in every view"() {
    assert.equal(await count(".opener"), 15); // the last row has neither
    const opener = `document.querySelectorAll(".opener")[4]`;
    await browser.run(`${opener}.focus()`);
    await browser.press("Enter");
    assert.equal(await count(".heatmap tr.finer"), 1 + 3);
    assert.equal(await browser.run(`${opener}.getAttribute("aria-expanded")`), "true");
    const text = await browser.run(`document.querySelector("tr.lesson").innerText`);
    assert.match(text, /Something about in-context binding is asked\./);
    assert.match(text, /At chance or below\s+Nothing is known\./);
    assert.match(text, /a cat runs \.\s+✓ right/);
    // The arrow keys pass over what is no cell.
    await browser.run(`document.querySelector(".heatmap td[data-ability='A05']").focus()`);
    await browser.press("ArrowDown");
    assert.equal(await browser.run("document.activeElement.dataset.ability"), "A05/no shot");
    await browser.run(`[...document.querySelectorAll("#abilities button")].find((b) => b.textContent === "log-likelihood").click()`);
    assert.equal(await count(".heatmap tr.lesson"), 1);
    assert.equal(await count(".heatmap tr.finer td[data-node]"), 3 * 9);
    await browser.run(`[...document.querySelectorAll("#abilities button")].find((b) => b.textContent === "score").click()`);
    await browser.run(`${opener}.click()`);
    assert.equal(await count(".heatmap tr.finer"), 0);
  },
  async "what else counts as right is said, and words lead to the glossary"() {
    const open = (i) => browser.run(`document.querySelectorAll(".opener")[${i}].click()`);
    await open(9);
    const text = await browser.run(`document.querySelector("tr.lesson").innerText`);
    assert.match(text, /A right answer\s+5\s+Every program that passes its tests counts\./);
    assert.match(text, /<user> what is 2 \+ 3 \? <eot> <bot>/);
    await open(9);
    assert.equal(await browser.run(`[...document.querySelectorAll("a.term")].every((a) =>
      document.querySelector(a.hash) && a.title === document.querySelector(a.hash + " dd").innerText)`), true);
    assert.ok((await count("a.term")) > 10);
    assert.equal(await count("dl.stages dt"), 5);
  },
  async "a table wider than the page says that it scrolls"() {
    const page = pathToFileURL(join(folder, "whole.html")).href;
    const hidden = `document.querySelector(".scroll-hint").hidden`;
    await browser.open(page, { width: 1280 });
    assert.equal(await browser.run(hidden), true);
    await browser.open(page, { width: 390, height: 844, mobile: true });
    assert.equal(await browser.run(hidden), false);
    await browser.run(`document.querySelectorAll(".opener")[4].click()`);
    await browser.run(`document.querySelector(".heatmap").parentElement.scrollLeft = 300`);
    await browser.settle();
    const [name, lesson] = await browser.run(`["th.ability", ".lesson-text"].map((s) => {
      const r = document.querySelector(".heatmap tbody " + s).getBoundingClientRect(); return [r.left, r.right]; })`);
    assert.ok(name[0] >= 0 && lesson[0] >= 0 && lesson[1] <= 390, `${name} ${lesson}`);
    await browser.open(page, { width: 1280 });
  },
  async "the other views and another prompt are drawn"() {
    for (const view of ["change against the parent", "log-likelihood", "score"]) {
      await browser.run(`[...document.querySelectorAll("#abilities button")].find((b) => b.textContent === ${JSON.stringify(view)}).click()`);
      assert.equal(await count(".heatmap td[data-node]"), 9 * 16, view);
    }
    const prompt = await browser.run(`document.querySelector(".prompt pre").textContent`);
    await browser.run(`document.querySelector("[aria-label='Next prompt']").click()`);
    assert.notEqual(await browser.run(`document.querySelector(".prompt pre").textContent`), prompt);
    await browser.run(`document.querySelector(".legend button").click()`);
    await browser.settle();
  },
  async "it fits a phone and a dark screen"() {
    await browser.open(pathToFileURL(join(folder, "whole.html")).href, { width: 390, height: 844, mobile: true, dark: true });
    assert.equal(await count(".tree article"), 9);
    assert.ok(await browser.run("document.documentElement.scrollWidth <= 390"), "the page scrolls sideways");
    assert.ok((await overhang()) <= 1, "a name stands out of its figure");
    assert.notEqual(await browser.run("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
  },
  async "what a model says cannot become markup"() {
    const report = example({ nodes: 2, abilities: 12 });
    report.samples[0].prompt = "</script><script>document.title = 'taken'</script><b id=bold>";
    await browser.open(pathToFileURL(write("markup", report)).href);
    assert.equal(await browser.run("document.title"), "gpt35-micro · Lineage");
    assert.equal(await count("#bold"), 0);
  },
  async "a run without scores shows its tree and curves"() {
    const report = { ...example({ nodes: 1 }), abilities: [], explanations: [], scores: [], contrasts: [], edges: [], samples: [] };
    await browser.open(pathToFileURL(write("bare", report)).href);
    assert.equal(await count(".tree article"), 1);
    assert.equal(await count("#edges .empty, #answers .empty, #abilities .empty"), 3);
  },
  async "a tree without reward models and policies has no heading for them"() {
    assert.equal(await count("#rewards, #feedback, nav [href='#rewards'], nav [href='#feedback']"), 0);
  },
  async "reward models and what feedback changed are drawn, on a phone too"() {
    const page = pathToFileURL(write("feedback", withFeedback())).href;
    await browser.open(page);
    assert.equal(await count("[data-reward]"), 1);
    const judge = await browser.run(`document.querySelector("[data-reward]").innerText`);
    assert.match(judge, /Two annotators agree on \.75 \(\.75, \.75, \.75\)/);
    assert.match(judge, /annotators ranked them\s+\.68\s+\.67 \[\.65, \.69\]\s+\.68 \[/);
    assert.match(judge, /improper requests\s+\.90\s+\.90 \[/);
    assert.match(await browser.run(`document.querySelector("#rewards dl").innerText`), /improper requests\s+Nobody should help with these\./);
    assert.match(judge, /5200/);
    assert.equal(await count(".calibration circle"), 3 * 10);
    const policy = await browser.run(`document.querySelector("[data-feedback]").innerText`);
    assert.match(policy, /gold utility\s+−\.95\s+−\.95 \[−1\.05, −\.85\]/);
    assert.match(policy, /\.02 → \.96 \(\.95, \.96, \.97\)/);
    assert.match(policy, /1\.131 → 1\.140 \(1\.140, 1\.140, 1\.140\) nats a token/);
    assert.match(policy, /Never, or in less than \.005 of the answers: refuses otherwise\./);
    assert.equal(await count("[data-feedback] .apart"), 1);
    assert.equal(await count("[data-kl] [aria-label=line] path"), 2 * 3);
    assert.equal(await count("[data-health]"), 10);
    assert.equal(await count("[data-health] svg"), 10);
    assert.match(await browser.run(`document.querySelector(".warnings").innerText`), /Warnings: 1\s+text-davinci-002 seed 1, step 7: length: 31 %/);
    assert.equal(await count("#curves figure:not([data-tag])"), 1); // a policy's metrics stand in its panel alone
    await browser.open(page, { width: 390, height: 844, mobile: true });
    assert.ok(await browser.run("document.documentElement.scrollWidth <= 390"), "the page scrolls sideways");
  },
  async "nothing is fetched and nothing complains"() {
    assert.deepEqual(browser.requests.filter((url) => !/^(file|data):/.test(url)), []);
    assert.deepEqual(browser.complaints, []);
  },
  async "a report of another version says so"() {
    const page = filled(readFileSync(join(folder, "bare.html"), "utf8"), { ...example(), version: 9 });
    writeFileSync(join(folder, "other.html"), page);
    await browser.open(pathToFileURL(join(folder, "other.html")).href);
    assert.match(await browser.run("document.body.innerText"), /version 9; this page draws version 3/);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`passed: ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED: ${name}\n${error.stack}`);
  }
}
await browser.close();
rmSync(folder, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
