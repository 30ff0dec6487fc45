// Rank: a set is made from models, ranked by keys, taps and drag, by two labelers at once; what they did
// survives reloads and a server that goes away, and trains a reward model.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, fits, lineage, open, rankingsSaved as saved, recordsOf, run, runAll, Server, sleep, startRanking } from "./support.mjs";

const PROMPTS = 12;
const TITLE = `sums & <b>more</b> ${Date.now()}`; // other sets may be there
const RECIPE = `
seed = 1
[tokenizer]
kind = "world"
[world]
seed = 7
persons = 0.02
[corpora.text]
tokens = 600_000
heldout_tokens = 5_000
[preferences.people]
paths = ["rankings.jsonl"]
[model]
layers = 1
width = 32
heads = 2
context = 256
[pretrain]
tokens = 20_480
batch_tokens = 1024
[reward]
preferences = "people"
batch_prompts = 4
[nodes.davinci]
stage = "pretrain"
[nodes.judge]
stage = "reward"
parents = ["davinci"]
`;
const kept = join(run, "rankings");
const before = existsSync(kept) ? readdirSync(kept) : [];
let server = await Server.start();
let page = await open(server, "#/rank");
const records = (labeler, id) => recordsOf(server, id, labeler);
const doneBy = (p, n) => p.waitForFunction((k) => document.querySelector("progress")?.value >= k || /prompts are done/.test(document.querySelector("main").innerText), n);
let id = "";

const start = (p, name) => startRanking(p, TITLE, name);

await runAll({
  async "a set is made from prompts and models"() {
    await page.getByLabel("Title").fill(TITLE);
    await page.getByLabel("Prompts, one a line").fill([...Array(PROMPTS).keys()].map((i) => `what is ${i} + 2 ?`).join("\n"));
    for (const box of await page.locator(".maker input[type=checkbox]").all()) await box.check();
    await page.getByLabel("Temperature").fill("2");
    await page.getByRole("button", { name: "Make the set" }).click();
    await page.locator(".sets li", { hasText: TITLE }).waitFor();
    assert.equal(await page.locator(".sets b").count(), 0, "a title is no markup");
    id = (await (await fetch(`${server.origin}/v1/lineage/rankings`)).json()).sets.find((s) => s.title === TITLE).id;
  },
  async "its files are nobody else's"() {
    assert.equal(statSync(kept).mode & 0o777, 0o700);
    assert.equal(statSync(join(kept, id)).mode & 0o777, 0o700);
    assert.equal(statSync(join(kept, id, "set.json")).mode & 0o777, 0o600);
  },
  async "no name of a model reaches a labeler before the ranking"() {
    await start(page, "A");
    const set = await (await fetch(`${server.origin}/v1/lineage/rankings/${id}?labeler=A`)).json();
    assert.ok(set.prompts.every((p) => p.answers.every((a) => !("model" in a))));
  },
  async "ten rankings by keyboard take five keys each"() {
    let keys = 0;
    // Faster than the server: what is ranked while another is on its way is sent, too.
    await page.route("**/v1/lineage/rankings/*", async (route) => { if (route.request().method() === "POST") await sleep(200); await route.continue(); });
    for (let i = 0; i < 10; ++i) {
      const n = await page.locator(".card-answer").count();
      for (let k = 0; k < n; ++k) await page.keyboard.press(String(1 + ((i + k) % n))), ++keys;
      await page.keyboard.press("Enter"), ++keys;
      await doneBy(page, i + 1);
    }
    assert.ok(keys <= 6 * 10, `${keys} keys`);
    await saved(page);
    await page.unroute("**/v1/lineage/rankings/*");
    const all = await records("A", id);
    assert.equal(all.length, 10);
    for (const r of all) {
      assert.equal(r.verdict, "ranked");
      assert.deepEqual([...r.order].sort(), [...r.order.keys()]);
      r.order.forEach((answer, where) => assert.equal(r.ranks[answer], 1 + ((all.indexOf(r) + where) % r.order.length)));
    }
    assert.equal(statSync(join(kept, id, "records.jsonl")).mode & 0o777, 0o600);
  },
  async "half a ranking, its order and its note are there after a reload"() {
    await page.keyboard.press("2");
    await page.keyboard.press("n");
    await page.keyboard.type("odd");
    const texts = await page.locator(".card-text").allInnerTexts();
    await page.waitForTimeout(400);
    await page.reload();
    await page.waitForSelector(".ranking");
    assert.deepEqual(await page.locator(".card-text").allInnerTexts(), texts);
    assert.equal(await page.locator(".card-answer").first().locator("[aria-pressed=true]").innerText(), "2");
    assert.equal(await page.getByLabel("Note").inputValue(), "odd");
  },
  async "answers are dragged to ranks, tied, and moved again"() {
    const cards = page.locator(".card-answer"), buckets = page.locator(".bucket");
    const n = await cards.count();
    for (let i = 0; i < n; ++i) await cards.nth(i).locator(".handle").dragTo(buckets.nth(0));
    assert.equal((await buckets.nth(0).locator("b").allInnerTexts()).length, n);
    await cards.nth(1).locator(".handle").dragTo(buckets.nth(1));
    await page.getByRole("button", { name: /^Done/ }).click();
    await doneBy(page, 11);
    await saved(page);
    const r = (await records("A", id)).at(-1);
    assert.equal(r.note, "odd");
    assert.equal(r.ranks[r.order[1]], 2);
    assert.equal(r.ranks.filter((x) => x === 1).length, n - 1);
  },
  async "a server that goes away loses nothing: what is ranked meanwhile comes later"() {
    const { port } = server;
    await server.stop();
    await page.keyboard.press("u");
    await page.waitForSelector("text=kept in this browser and not on the server yet");
    server = await Server.start([run], { port });
    await saved(page);
    await page.waitForFunction(() => !/not on the server/.test(document.body.innerText));
    assert.equal((await records("A", id)).at(-1).verdict, "unusable");
    await page.waitForSelector("text=prompts are done");
  },
  async "two labelers at once, and how far they agree"() {
    const [b, c] = await Promise.all([open(server, "#/rank"), open(server, "#/rank")]);
    await start(b, "B");
    await start(c, "C");
    for (let i = 0; i < 3; ++i)
      for (const p of [b, c]) {
        const n = await p.locator(".card-answer").count();
        // B and C rank by the text, C the other way round for the last prompt.
        const texts = await p.locator(".card-text").allInnerTexts();
        const sorted = [...texts].sort();
        if (p === c && i === 2) sorted.reverse();
        for (const t of texts) await p.keyboard.press(String(1 + sorted.indexOf(t)));
        await p.keyboard.press("Enter");
        await doneBy(p, i + 1);
        assert.ok(n >= 2);
      }
    await Promise.all([saved(b), saved(c)]);
    const set = (await (await fetch(`${server.origin}/v1/lineage/rankings`)).json()).sets.find((s) => s.id === id);
    const bc = set.agreement.find((a) => a.labelers.join() === "B,C");
    assert.equal(bc.prompts, 3);
    assert.ok(bc.alike > 0 && bc.alike < bc.pairs, JSON.stringify(bc));
    await b.keyboard.press("b"); // back to the third, to change it
    await b.keyboard.press("1");
    await b.keyboard.press("Enter");
    await saved(b);
    assert.equal((await records("B", id)).length, 3);
    await b.close(), await c.close();
  },
  async "names are shown afterwards to those who want them"() {
    page = await open(server, "#/rank");
    await start(page, "D");
    await page.getByLabel("name the models afterwards").check();
    for (const n = await page.locator(".card-answer").count(), i = { k: 0 }; i.k < n; ++i.k) await page.keyboard.press("1");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=/Before, /");
  },
  async "it is accessible and fits a phone"() {
    await accessible(page);
    await page.getByRole("link", { name: "All sets" }).click();
    await page.waitForSelector(".sets li");
    await accessible(page);
    const phone = await open(server, "#/rank", { width: 390, height: 844, touch: true });
    await fits(phone);
    await start(phone, "E");
    await fits(phone);
    await phone.locator(".card-answer").first().getByRole("button", { name: "2" }).tap();
    assert.equal(await phone.locator(".card-answer").first().locator("[aria-pressed=true]").innerText(), "2");
    await accessible(phone);
  },
  async "what was ranked trains a reward model as it is"() {
    const folder = mkdtempSync(join(tmpdir(), "lineage-rank-"));
    const lines = await (await fetch(`${server.origin}/v1/lineage/rankings/${id}/export`)).text();
    writeFileSync(join(folder, "rankings.jsonl"), lines);
    assert.ok(lines.trim().split("\n").length >= 10 + 3 + 3);
    writeFileSync(join(folder, "rank.toml"), RECIPE);
    execFileSync(lineage, ["grow", join(folder, "rank.toml"), "--out", join(folder, "runs"), "--no-eval"], { stdio: "pipe", cwd: folder });
    assert.ok(existsSync(join(folder, "runs/trees/rank/judge/manifest.json")));
    rmSync(folder, { recursive: true });
  },
  async "a server without rankings says so"() {
    const none = await Server.start([run], { options: ["--no-rankings"] });
    const there = await open(none, "#/rank");
    await there.waitForSelector("text=--no-rankings");
    await none.stop();
    for (const folder of readdirSync(kept)) if (!before.includes(folder)) rmSync(join(kept, folder), { recursive: true });
  },
}, { allowed: /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_SOCKET/ });
