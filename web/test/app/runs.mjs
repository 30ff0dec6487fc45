// The Runs view, beside a `lineage grow` of a small recipe: progress moves, a node becomes grown, and
// what is half written is shown for what it is.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, fits, lineage, open, run, runAll, Server, sleep } from "./support.mjs";

const RECIPE = (tokens) => `
name = "small"
seed = 5
[tokenizer]
kind = "world"
[model]
layers = 2
width = 32
heads = 2
context = 128
[world]
persons = 0.03
[corpora.text]
tokens = 1_000_000
heldout_tokens = 20_000
[pretrain]
tokens = 40_000
batch_tokens = 1024
[pretrain.mixture]
text = 1
[evaluation]
enabled = false
[nodes.first]
stage = "pretrain"
[nodes.second]
stage = "pretrain"
parents = ["first"]
[nodes.second.pretrain]
tokens = ${tokens}
`;
const folder = mkdtempSync(join(tmpdir(), "lineage-runs-"));
const out = join(folder, "run"), recipe = join(folder, "small.toml");
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Runs until it ends, or until \`until\` of what it said. */
function grow(tokens) {
  writeFileSync(recipe, RECIPE(tokens));
  const child = spawn(lineage, ["grow", recipe, "--out", out], { stdio: ["ignore", "pipe", "pipe"] });
  process.once("exit", () => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { said += text; });
  child.ended = new Promise((done) => child.once("exit", (code) => done({ code, said })));
  return child;
}

// The server wants a model at its start, so the first tree is grown before it.
assert.deepEqual((await grow(40_000).ended).code, 0, "the first growth failed");
const server = await Server.start([out]);
let page = await open(server, "#/runs");
const state = (node) => page.locator(`tr[data-node="${node}"]`).getAttribute("data-status");
const steps = async () => Number(/step ([\d,]+)/.exec(await page.locator('tr[data-node="second"] .steps').innerText())?.[1].replaceAll(",", "") ?? 0);
let growing;

await runAll({
  async "a grown tree shows its nodes and their curves over each other"() {
    await page.waitForSelector('tr[data-node="first"]');
    assert.equal(await state("first"), "grown");
    assert.equal(await state("second"), "grown");
    await page.check('tr[data-node="first"] input');
    await page.check('tr[data-node="second"] input');
    await page.waitForSelector(".curves figure svg");
    assert.equal(await page.locator(".series > li").count(), 2);
    await page.waitForFunction(() => document.querySelector(".curves figure [aria-label=line] path"));
    await page.reload();
    await page.waitForSelector(".curves figure svg");
    assert.equal(await page.locator(".series > li").count(), 2, "what was chosen is kept");
  },
  async "progress moves while a node grows"() {
    growing = grow(4_000_000);
    await page.waitForSelector('tr[data-node="second"][data-status="growing"]', { timeout: 150_000 });
    await page.waitForFunction(() => /step [1-9]/.test(document.querySelector('tr[data-node="second"] .steps').innerText), null, { timeout: 150_000 });
    const before = await steps();
    await page.waitForFunction((n) => Number(/step ([\d,]+)/.exec(document.querySelector('tr[data-node="second"] .steps').innerText)?.[1].replaceAll(",", "")) > n, before, { timeout: 150_000 });
    assert.match(await page.locator('tr[data-node="second"] .steps').innerText(), /step [\d,]+ of [\d,]+/);
    assert.ok(await page.locator('tr[data-node="second"] progress').count());
    assert.match(await page.locator(".run-tree").innerText(), /1 growing now/);
    await page.waitForFunction(() => /growing, step [1-9]/.test(document.querySelector('.series li[data-series="second"]').innerText));
  },
  async "a run that is cut off is paused, and goes on"() {
    growing.kill("SIGKILL");
    await growing.ended;
    await page.waitForSelector('tr[data-node="second"][data-status="paused"]');
    assert.match(await page.locator(".run-tree").innerText(), /no process trains a model now/);
  },
  async "a line that is half written is left out, a broken one is named"() {
    const node = readdirSync(join(out, "nodes")).map((n) => join(out, "nodes", n))
      .find((n) => n.includes("second-") && !readdirSync(n).includes("manifest.json"));
    const file = join(node, "metrics.jsonl"), whole = readFileSync(file, "utf8");
    appendFileSync(file, '{"loss":1.2,"st');
    await sleep(3000);
    assert.equal(await page.locator('.series li[data-series="second"] .problem').count(), 0);
    appendFileSync(file, '\n{"loss":1,"step":9999,"tokens":99999}\n');
    await page.waitForSelector('.series li[data-series="second"] .problem');
    assert.match(await page.locator('.series li[data-series="second"] .problem').innerText(), /metrics\.jsonl:\d+: no JSON object/);
    writeFileSync(file, whole);
    await page.waitForFunction(() => !document.querySelector('.series li[data-series="second"] .problem'));
  },
  async "it becomes grown"() {
    const { code, said } = await grow(4_000_000).ended;
    assert.equal(code, 0, said);
    await page.waitForSelector('tr[data-node="second"][data-status="grown"]');
    const { data } = await (await fetch(`${server.origin}/v1/models`)).json();
    assert.ok(data.some((m) => m.id === "second"), "it is served without a restart");
  },
  async "a server that goes away loses nothing"() {
    const { port } = server;
    await server.stop();
    await page.waitForSelector("text=The server does not answer");
    assert.equal(await page.locator(".series > li").count(), 2);
    const again = await Server.start([out], { port });
    await page.waitForFunction(() => !document.body.innerText.includes("The server does not answer"), null, { timeout: 30_000 });
    assert.equal(await page.locator(".series > li").count(), 2);
    server.process = again.process;
    server.stop = () => again.stop();
  },
  async "a checkpoint of another version, and one that is missing, say so"() {
    const tree = join(out, "trees", "small"), node = join(out, "nodes", "odd-0");
    mkdirSync(node);
    writeFileSync(join(node, "manifest.json"), "{\n \"format\": \"something else\"\n}\n");
    symlinkSync("../../nodes/odd-0", join(tree, "odd"));
    symlinkSync("../../nodes/gone-0", join(tree, "gone"));
    await page.waitForSelector('tr[data-node="odd"][data-status="unreadable"] .problem');
    assert.match(await page.locator('tr[data-node="odd"] .problem').innerText(), /manifest\.json/);
    assert.match(await page.locator('tr[data-node="gone"] .problem').innerText(), /no checkpoint lies/);
    rmSync(join(tree, "odd")), rmSync(join(tree, "gone"));
  },
  async "learning from feedback shows its health"() {
    const copy = join(folder, "fed");
    cpSync(run, copy, { recursive: true, verbatimSymlinks: true, filter: (f) => !/\/data(\/|$)|scores/.test(f.slice(run.length)) });
    const fed = await Server.start([copy]);
    const other = await open(fed, "#/runs");
    await other.waitForSelector('tr[data-node="chatgpt"]');
    await other.check('tr[data-node="chatgpt"] input');
    await other.check('tr[data-node="text-davinci-003"] input');
    await other.waitForSelector('.health figure[data-health="kl"] svg');
    await other.waitForFunction(() => document.querySelectorAll('.health figure[data-health="reward"] [aria-label=line] path').length >= 2);
    await accessible(other);
    const phone = await open(fed, "#/runs", { width: 390, height: 844, touch: true });
    await phone.check('tr[data-node="chatgpt"] input');
    await phone.waitForSelector('.health figure[data-health="kl"] svg');
    await fits(phone);
    // Without scores the tree is drawn all the same.
    await other.goto(`${fed.origin}/#/tree`);
    await other.waitForSelector(".tree article");
    await other.waitForSelector("#abilities .empty, #abilities .muted");
    await fed.stop();
  },
}, { allowed: /ERR_CONNECTION_REFUSED|Failed to load resource|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/ });
