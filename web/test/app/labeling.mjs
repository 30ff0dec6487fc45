// Rank: nothing that a labeler began is lost, time is counted while the page is seen, answers are dragged with mouse and
// finger, a screen reader is told, and texts of any kind, a full disk and a folder that cannot be written are survived.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, fits, makeSet, open, rankingsSaved, recordsOf, runAll, runOfOwnRankings, Server, startRanking } from "./support.mjs";

const run = runOfOwnRankings();
const WORDS = 10_000, MINUTE = 60_000;
const MARKUP = ["<script>document.title = 'taken'</script>", "<img src=x onerror=\"document.title = 'taken'\"> & <b>bold</b>"];
const HEBREW = "שלום <b>עולם</b>", ARABIC = "مرحبا (1 < 2)";
const folder = mkdtempSync(join(tmpdir(), "lineage-labeling-"));
const file = (name, records) => {
  writeFileSync(join(folder, name), records.map((r) => JSON.stringify(r) + "\n").join(""));
  return join(folder, name);
};
let server = await Server.start([run], { options: ["--rank", file("given.jsonl", [{ prompt: "of a file", responses: ["yes", "no"] }])] });
const plain = (title, n) => makeSet(server, title, Array.from({ length: n }, (_, i) => [`${title} ${i}`, ["one", "two", "three"].map((a) => `${a} ${i}`)]));
const first = await plain("first", 6);
await plain("second", 2);
const odd = await makeSet(server, "odd", [[MARKUP.join(""), MARKUP], [HEBREW, [ARABIC, HEBREW, "left to right"]],
  [Array(WORDS).fill("why").join(" "), [Array(WORDS).fill("word").join(" "), "unbroken".repeat(WORDS), "short"]]]);
let page = await open(server, "#/rank");
const cards = () => page.locator(".card-answer"), buckets = () => page.locator(".bucket");
const ranks = () => cards().evaluateAll((all) => all.map((c) => c.querySelector("[aria-pressed=true]")?.textContent ?? ""));
const texts = () => page.locator(".card-text").allInnerTexts();
const told = () => page.locator(".ranking [aria-live]").textContent();
const at = (prompt) => page.waitForFunction((p) => document.querySelector(".asked")?.textContent === p, prompt);
const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
const sets = () => page.getByRole("link", { name: "All sets" }).click();
const start = (title, name) => startRanking(page, title, name);

await runAll({
  async "another set, another labeler and an earlier prompt drop nothing that was begun"() {
    await start("first", "A");
    await press("1", "2", "3", "Enter");
    await at("first 1");
    await press("3", "n");
    await page.keyboard.type("half");
    await press("Escape");
    const begun = await texts();
    const asLeft = async () => {
      await at("first 1");
      assert.deepEqual(await texts(), begun);
      assert.deepEqual(await ranks(), ["3", "", ""]);
      assert.equal(await page.getByLabel("Note").inputValue(), "half");
    };
    await sets();
    await start("second", "A");
    await press("2", "1");
    await sets();
    await start("first", "B");
    assert.deepEqual(await ranks(), ["", "", ""]);
    await press("1");
    await sets();
    await start("first", "A");
    await asLeft();
    await press("b");
    await at("first 0");
    assert.deepEqual(await ranks(), ["1", "2", "3"]);
    await press("2", "Enter");
    await asLeft();
    await page.reload();
    await page.waitForSelector(".ranking");
    await asLeft();
    await sets();
    await start("second", "A");
    assert.deepEqual(await ranks(), ["2", "1", ""]);
    await sets();
    await rankingsSaved(page);
    const [changed] = await recordsOf(server, first, "A");
    assert.deepEqual(changed.order.map((a) => changed.ranks[a]), [2, 2, 3]);
  },
  async "what is skipped is recorded so, with its note"() {
    await start("first", "A");
    await press("s");
    await at("first 2");
    await rankingsSaved(page);
    const skipped = (await recordsOf(server, first, "A")).find((r) => r.prompt === 1);
    assert.equal(skipped.verdict, "skipped");
    assert.equal(skipped.note, "half");
    assert.ok(!("ranks" in skipped));
  },
  async "seconds are those in which the page was seen, with this prompt"() {
    await sets();
    await page.clock.install();
    await page.reload();
    await start("first", "A");
    const began = Date.now();
    const wait = (minutes) => page.clock.fastForward(minutes * MINUTE);
    const see = (state) => page.evaluate((s) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => s });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
    await wait(1);
    await see("hidden");
    await wait(30);
    await see("visible");
    await press("1");
    await sets();
    await wait(30);
    await start("first", "A");
    await wait(1);
    await page.reload();
    await page.waitForSelector(".ranking");
    await press("b");
    await at("first 1");
    await wait(30); // of the earlier prompt
    await press("s");
    await at("first 2");
    assert.deepEqual(await ranks(), ["1", "", ""]);
    await wait(1);
    await press("2", "3", "Enter");
    await at("first 3");
    await rankingsSaved(page);
    const { seconds } = (await recordsOf(server, first, "A")).find((r) => r.prompt === 2);
    assert.ok(seconds >= 180 && seconds <= 180 + (Date.now() - began) / 1000, `${seconds}`);
    await page.context().close();
    page = await open(server, "#/rank");
    await start("first", "A");
  },
  async "a screen reader is told the rank that was given, and the answer that is next"() {
    await at("first 3");
    assert.equal(await page.locator(".ranking").getAttribute("aria-label"), "Prompt 4 of 6");
    await press("2");
    assert.equal(await told(), "Answer A, rank 2. Now B");
    await press("ArrowDown");
    assert.equal(await told(), "Answer C, no rank");
    await press("1", "1");
    assert.equal(await told(), "Answer B, rank 1. All have a rank");
    await press("Backspace");
    assert.equal(await told(), "Answer B, no rank");
    await press("ArrowUp");
    assert.equal(await told(), "Answer A, rank 2");
  },
  async "an answer's text can be selected, and is dragged by its letter alone"() {
    const before = await ranks();
    const box = await page.locator(".card-text").first().boundingBox(), target = await buckets().last().boundingBox();
    const sweep = async (x) => {
      await page.mouse.move(box.x + 1, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + x, box.y + box.height / 2, { steps: 4 });
    };
    await sweep(40);
    await page.mouse.up();
    assert.ok((await page.evaluate(() => String(getSelection()))).length > 1);
    await sweep(60);
    await page.mouse.move(target.x + 20, target.y + 20, { steps: 4 });
    await page.mouse.up();
    assert.deepEqual(await ranks(), before);
    await page.evaluate(() => getSelection().removeAllRanges());
    await cards().first().locator(".handle").dragTo(buckets().last());
    assert.equal((await ranks())[0], "3");
    assert.equal(await page.evaluate(() => String(getSelection())), "");
    await buckets().last().locator(".handle").dragTo(buckets().first()); // moved again
    assert.equal((await ranks())[0], "1");
    await cards().first().locator(".handle").dragTo(page.locator("h1 ~ .rank .asked")); // no rank
    assert.equal((await ranks())[0], "1");
    assert.equal(await page.locator(".dragged").count(), 0);
  },
  async "a finger drags, too"() {
    const phone = await open(server, "#/rank", { width: 390, height: 844, touch: true });
    await startRanking(phone, "first", "finger");
    const session = await phone.context().newCDPSession(phone);
    const touch = (type, x, y) => session.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
    const centre = async (l) => { const b = await l.boundingBox(); return [b.x + b.width / 2, b.y + b.height / 2]; };
    const [fromX, fromY] = await centre(phone.locator(".card-answer .handle").first()), [toX, toY] = await centre(phone.locator(".bucket").nth(1));
    await touch("touchStart", fromX, fromY);
    for (let i = 1; i <= 5; ++i) await touch("touchMove", fromX + ((toX - fromX) * i) / 5, fromY + ((toY - fromY) * i) / 5);
    await phone.waitForSelector(".bucket.over[data-rank=\"2\"]", { timeout: 5000 });
    await touch("touchEnd");
    assert.equal(await phone.locator(".card-answer").first().locator("[aria-pressed=true]").innerText(), "2");
    await fits(phone);
    await phone.context().close();
  },
  async "markup and right-to-left text are shown, never run"() {
    await sets();
    await start("odd", "<i>A</i> א");
    assert.equal(await page.locator(".asked").textContent(), MARKUP.join(""));
    assert.deepEqual((await texts()).sort(), [...MARKUP].sort());
    assert.equal(await page.locator(".rank script, .rank img, .rank i, .asked b, .card-text b").count(), 0);
    assert.equal(await page.title(), "Rank · Lineage");
    await press("1", "2", "Enter");
    await at(HEBREW);
    const direction = (e) => getComputedStyle(e).direction;
    assert.equal(await page.locator(".asked p").evaluate(direction), "rtl");
    for (const card of await page.locator(".card-text").all())
      assert.equal(await card.evaluate(direction), /^[a-z]/.test(await card.innerText()) ? "ltr" : "rtl");
    await accessible(page);
    await press("1", "2", "3", "Enter");
  },
  async "answers of 10,000 words scroll, and the page is as usable as with short ones"() {
    await page.waitForFunction((n) => document.querySelector(".asked")?.textContent.length > n, WORDS);
    await fits(page);
    for (const part of await page.locator(".card-text, .asked").all()) {
      const [height, whole] = await part.evaluate((e) => [e.clientHeight, e.scrollHeight]);
      assert.ok(height <= 0.41 * 900, `${height} of ${whole}`);
    }
    const long = page.locator(".card-text", { hasText: "word word" });
    await long.focus();
    await press("End");
    await page.waitForFunction((e) => e.scrollTop > 0, await long.elementHandle());
    assert.ok(await buckets().first().evaluate((b) => b.getBoundingClientRect().bottom <= innerHeight), "ranks are out of sight");
    await accessible(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await fits(page);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator(".ranking").focus();
    await press("ArrowUp", "ArrowUp", "1", "2", "3", "Enter");
    await page.waitForSelector("text=All 3 prompts are done");
    await rankingsSaved(page);
    assert.equal((await recordsOf(server, odd, encodeURIComponent("<i>A</i> א"))).length, 3);
    await page.goto(`${server.origin}/#/rank`);
    await page.locator(".sets").getByText("<i>A</i> א").waitFor();
    await fits(page);
  },
  async "a file of prompts with answers is a set when the server has started, and once"() {
    const { port } = server;
    await server.stop();
    const given = file("given.jsonl", [{ prompt: "of a file", responses: ["yes", "no"] }]);
    server = await Server.start([run], { port, options: ["--rank", given] });
    await page.reload();
    await page.locator(".sets li", { hasText: "given.jsonl" }).waitFor();
    assert.equal(await page.locator(".sets li", { hasText: "given.jsonl" }).count(), 1);
    await start("given.jsonl", "A");
    assert.equal(await page.locator(".asked").textContent(), "of a file");
    assert.deepEqual((await texts()).sort(), ["no", "yes"]);
    await sets();
  },
  async "a file of prompts alone is offered, and answered by models; what the form has survives a reload"() {
    const { port } = server;
    await server.stop();
    server = await Server.start([run], { port, options: ["--rank", file("asks.jsonl", ["what is 1 + 2 ?", "what is 3 + 2 ?", "what is 4 + 4 ?"].map((prompt) => ({ prompt })))] });
    await page.reload();
    await page.getByRole("button", { name: "3 prompts of asks.jsonl" }).click();
    await page.waitForFunction(() => /4 \+ 4/.test(document.querySelector(".maker textarea").value));
    assert.equal(await page.getByLabel("Title").inputValue(), "asks.jsonl");
    await page.locator(".maker input[type=checkbox]").first().check();
    await page.getByLabel("Answers to a prompt").fill("2");
    await page.getByLabel("Temperature").fill("2");
    await page.getByLabel("Temperature").press("Tab");
    const form = () => page.locator(".maker input:not([type=file]), .maker textarea").evaluateAll((all) => all.map((e) => (e.type === "checkbox" ? e.checked : e.value)));
    const before = await form();
    await page.reload();
    await page.waitForSelector(".maker");
    assert.deepEqual(await form(), before);
  },
  async "drawing answers is stopped: what was drawn is a set, the other prompts stay in the form"() {
    let drawn = 0; // the third and later answers never come
    await page.route("**/v1/chat/completions", (route) => (++drawn > 2 ? undefined : route.fulfill({ json: { choices: [{ message: { content: `answer ${drawn}` } }] } })));
    await page.getByRole("button", { name: "Make the set" }).click();
    await page.waitForSelector("text=1 of 3 prompts answered");
    await page.locator("nav >> text=Chat").click(); // another view does not end it
    await page.locator("nav >> text=Rank").click();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.waitForSelector("text=2 prompts are left out: stopped");
    await page.locator(".sets li", { hasText: "asks.jsonl" }).getByText("1 prompt", { exact: true }).waitFor();
    assert.match(await page.locator(".maker textarea").inputValue(), /^[^\n]*3 \+ 2[^\n]*\n[^\n]*4 \+ 4[^\n]*$/);
    await page.unroute("**/v1/chat/completions");
  },
  async "on a full disk the server refuses by name, the ranking waits in the browser, and is sent once there is room"() {
    await start("first", "A");
    await at("first 3");
    const records = join(run, "rankings", first, "records.jsonl"), size = statSync(records).size;
    const room = (bytes) => execFileSync("prlimit", ["--pid", String(server.process.pid), `--fsize=${bytes}`]);
    room(`${size + 10}:unlimited`); // a write beyond fails, as on a disk without room
    await press("1", "1", "1", "Enter");
    await page.waitForSelector("text=1 ranking is kept in this browser and not on the server yet");
    assert.match(await page.locator("[role=alert]").innerText(), /records\.jsonl: cannot write \d+ bytes/);
    assert.equal(statSync(records).size, size, "part of a line");
    await press("s");
    await page.waitForSelector("text=2 rankings are kept");
    await page.reload();
    await page.waitForSelector("text=2 rankings are kept");
    await at("first 5");
    room("unlimited:unlimited");
    await rankingsSaved(page); // by itself
    await page.waitForSelector("[role=alert]", { state: "detached" });
    const all = await recordsOf(server, first, "A");
    assert.deepEqual(all.filter((r) => r.prompt > 2).map((r) => r.verdict), ["ranked", "skipped"]);
  },
  async "where no folder can be made the server says so, and the prompts stay"() {
    rmSync(join(run, "rankings"), { recursive: true });
    writeFileSync(join(run, "rankings"), ""); // root writes to what is read-only
    await sets();
    await page.getByLabel("Title").fill("unwritable");
    await page.getByLabel("Prompts, one a line").fill(JSON.stringify({ prompt: "p", responses: ["a", "b"] }));
    await page.getByRole("button", { name: "Make the set" }).click();
    await page.locator(".maker [role=alert]").waitFor();
    assert.match(await page.locator(".maker [role=alert]").innerText(), /rankings.*: (cannot|is)/);
    assert.equal(await page.getByLabel("Title").inputValue(), "unwritable");
    rmSync(join(run, "rankings"));
    await page.getByRole("button", { name: "Make the set" }).click();
    await page.locator(".sets li", { hasText: "unwritable" }).waitFor();
    assert.equal(await page.getByLabel("Title").inputValue(), "");
    rmSync(folder, { recursive: true });
  },
}, { allowed: /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_SOCKET|status of 5/ });
