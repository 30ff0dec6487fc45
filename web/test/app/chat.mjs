// Chat: an answer streams in with its numbers, is stopped, drawn again, edited and gone on with;
// conversations survive a reload and a server that goes away, and leave and come back as files.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, fits, open, run, runAll, Server, unanswered, takeExample } from "./support.mjs";

let server = await Server.start();
let page = await open(server, "#/chat");
const field = () => page.getByRole("textbox", { name: /^Message to/ });
const answers = () => page.locator(".turn.assistant");
const idle = () => page.waitForFunction(() => document.querySelector(".turn.assistant") && !document.querySelector("[aria-busy=true]"));
const say = async (text) => {
  await field().fill(text);
  await field().press("Enter");
  await page.waitForFunction((n) => document.querySelectorAll(".turn.assistant").length > n, await answers().count() - 1);
  await idle();
};
const model = await page.locator(".model-select select").inputValue();

await runAll({
  async "an example is one click and Enter away, and its answer has its numbers"() {
    await takeExample(page);
    await page.keyboard.press("Enter");
    await idle();
    const numbers = await answers().locator(".numbers").innerText();
    assert.ok(numbers.startsWith(`${model} · temperature 0.7, seed `), numbers);
    assert.match(numbers, /\d+ tokens? · (\d+ tokens\/s · )?first after [\d.]+ ms/);
    assert.equal(await field().inputValue(), "");
  },
  async "Shift-Enter makes a line, and words that are not known are marked and respelled"() {
    await field().fill("");
    await field().pressSequentially("What is 4 + 5?");
    await field().press("Shift+Enter");
    assert.equal(await field().inputValue(), "What is 4 + 5?\n");
    assert.deepEqual(await page.locator(".composer-marks mark").allInnerTexts(), ["What", "5?"]);
    await page.getByRole("button", { name: /^Spell as it knows/ }).click();
    assert.equal(await field().inputValue(), "what is 4 + 5 ?\n");
    assert.equal(await page.locator(".composer-marks mark").count(), 0);
    await field().fill("");
  },
  async "an answer is drawn again beside the first, and both can be gone back to"() {
    await answers().getByRole("button", { name: "Retry" }).click();
    await idle();
    assert.match(await page.locator(".versions").innerText(), /2\/2/);
    await page.getByRole("button", { name: "Earlier answer" }).click();
    assert.match(await page.locator(".versions").innerText(), /1\/2/);
  },
  async "the same seed and parameters draw the same answer"() {
    await page.getByText("System prompt, sampling").click();
    await page.getByRole("spinbutton", { name: "Seed" }).fill("7");
    await page.getByRole("spinbutton", { name: "Seed" }).press("Tab");
    const texts = [];
    for (let i = 0; i < 2; ++i) {
      await answers().getByRole("button", { name: "Retry" }).click();
      await idle();
      texts.push(await answers().locator(".said").innerText());
      assert.match(await answers().locator(".numbers").innerText(), /seed 7/);
    }
    assert.equal(texts[0], texts[1]);
    await page.getByText("System prompt, sampling").click();
  },
  async "an answer can be edited and gone on with"() {
    await answers().getByRole("button", { name: "Edit" }).click();
    await page.getByRole("textbox", { name: "Keep this text" }).fill("the answer is");
    const [request] = await Promise.all([page.waitForRequest("**/v1/chat/completions"), page.getByRole("button", { name: "Go on from here" }).click()]);
    await idle();
    assert.ok((await answers().locator(".said").innerText()).startsWith("the answer is"));
    const { messages, seed, continue_final_message: goesOn, add_generation_prompt: begins } = request.postDataJSON();
    assert.equal(seed, 7, "the seed of the fields is that of the request");
    assert.deepEqual([messages.at(-1), goesOn, begins], [{ role: "assistant", content: "the answer is" }, true, false]);
  },
  async "a question can be edited: it is answered again, and what came later goes"() {
    await say("what is 3 + 3 ?");
    assert.equal(await answers().count(), 2);
    await page.locator(".turn.user").first().getByRole("button", { name: "Edit" }).click();
    await page.getByRole("textbox", { name: "Send again" }).fill("what is 2 + 2 ?");
    await page.getByRole("button", { name: "Send again" }).click();
    await idle();
    assert.equal(await answers().count(), 1);
    assert.equal(await page.locator(".turn.user .said").innerText(), "what is 2 + 2 ?");
  },
  async "a conversation is there after a reload, and so is what was being typed"() {
    await field().fill("half a quest");
    const text = await answers().locator(".said").innerText();
    await page.reload();
    await page.waitForSelector(".turn.assistant");
    assert.equal(await answers().locator(".said").innerText(), text);
    assert.equal(await field().inputValue(), "half a quest");
    await field().fill("");
  },
  async "markup and right-to-left text are shown, never run"() {
    const text = "<img src=x onerror=alert(1)> <b>bold</b> שלום";
    await say(text);
    assert.equal(await page.locator(".turn.user .said").last().innerText(), text);
    assert.equal(await page.locator(".turn img, .turn b").count(), 0);
  },
  async "a server that goes away is said, what was said stays, and it goes on when it is back"() {
    const { port } = server, before = await answers().count();
    await server.stop();
    await field().fill("what is 1 + 1 ?");
    await field().press("Enter");
    await page.waitForSelector("text=The server does not answer; trying again");
    assert.match(await answers().last().innerText(), /The server does not answer/);
    server = await Server.start([run], { port });
    await page.waitForFunction(() => !document.body.innerText.includes("trying again"));
    await answers().last().getByRole("button", { name: "Retry" }).click();
    await idle();
    assert.equal(await answers().count(), before + 1);
    assert.match(await answers().last().locator(".versions").innerText(), /2\/2/);
  },
  async "a fault of the request stands where the answer would, in the server's words"() {
    await say(Array(2000).fill("the").join(" "));
    assert.match(await answers().last().locator(".bad").innerText(), /maximum context length|context/);
  },
  async "conversations leave as lines that sft reads, and come back"() {
    await page.getByRole("button", { name: "New conversation" }).click();
    await say("what is 2 + 3 ?");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export all" }).click()]);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n").map((l) => JSON.parse(l));
    assert.equal(lines[0].messages[0].content, "what is 2 + 3 ?");
    assert.equal(lines[0].messages[1].role, "assistant");
    for (const l of lines) assert.equal(l.messages.at(-1).role, "assistant");
    const file = join(mkdtempSync(join(tmpdir(), "lineage-chat-")), "in.jsonl");
    writeFileSync(file, `{"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"imported"},{"role":"assistant","content":"yes"}]}\n`);
    await page.getByLabel("Conversations to import").setInputFiles(file);
    await page.waitForFunction(() => document.querySelector(".turn.user .said")?.textContent === "imported");
    assert.match(await answers().innerText(), /yes/);
    writeFileSync(file, `{"messages":[{"role":"user","content":"a"}]}\n{"messages": 3}\n`);
    await page.getByLabel("Conversations to import").setInputFiles(file);
    await page.waitForSelector("text=line 2 has no list");
  },
  async "two tabs add to one list of conversations"() {
    const other = await page.context().newPage();
    await other.goto(`${server.origin}/#/chat`);
    const list = (p) => p.locator(".conversations .entry").allInnerTexts();
    await other.waitForSelector(".conversations .entry");
    const before = await list(page);
    await page.getByRole("button", { name: "New conversation" }).click();
    await say("from the first tab");
    await page.waitForTimeout(400);
    await other.getByRole("button", { name: "New conversation" }).click();
    await other.getByRole("textbox", { name: /^Message to/ }).fill("from the second tab");
    await other.keyboard.press("Enter");
    await other.waitForSelector(".turn.assistant .numbers");
    await page.waitForFunction(() => document.querySelector(".entry")?.textContent === "from the second tab");
    assert.deepEqual(await list(page), ["from the second tab", "from the first tab", ...before]);
    await other.close();
  },
  async "an answer is stopped, by the button or Escape: its request ends, and it says so"() {
    const requests = await unanswered(page, "/v1/chat/completions");
    for (const [i, stop] of [() => page.getByRole("button", { name: "Stop" }).click(), () => field().press("Escape")].entries()) {
      await field().fill("stop this");
      await field().press("Enter");
      await page.getByRole("button", { name: "Stop" }).waitFor();
      await stop();
      await idle();
      assert.match(await answers().last().locator(".numbers").innerText(), /stopped$/);
      await requests.dropsTo(i + 1);
    }
    await requests.end();
  },
  async "a long answer streams without moving a reader who has scrolled up"() {
    await page.route("**/v1/chat/completions", async (route) => { // as a model that writes 10,000 tokens
      const chunk = (text, finish = null) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text }, finish_reason: finish }] })}\n\n`;
      await route.fulfill({ contentType: "text/event-stream", body: Array(10_000).fill(chunk("word ")).join("") + chunk("", "stop") + "data: [DONE]\n\n" });
    });
    await say("long");
    assert.equal((await answers().last().locator(".said").innerText()).trim().split(" ").length, 10_000);
    const top = () => page.evaluate(() => document.querySelector(".log").scrollTop);
    await page.evaluate(() => { document.querySelector(".log").scrollTop = 40; });
    await page.waitForTimeout(50);
    const at = await top();
    await say("again");
    assert.equal(await top(), at);
    await page.unroute("**/v1/chat/completions");
  },
  async "a question is looked up in documents, and their lines stand beside the answer"() {
    const folder = mkdtempSync(join(tmpdir(), "lineage-documents-"));
    writeFileSync(join(folder, "towns.txt"), "the pet of yuri slate is a moth .\nthe sum of it .\n");
    const withDocuments = await Server.start([run], { options: ["--documents", folder] });
    const there = await open(withDocuments, "#/chat");
    const can = (await (await fetch(`${withDocuments.origin}/v1/models`)).json()).data.find((m) => m.lineage?.tools && m.lineage.documents);
    await there.locator(".model-select select").selectOption(can.id);
    await there.getByText("System prompt, sampling").click();
    await there.getByLabel("look the question up").check();
    await there.getByLabel("run the Python").check();
    await there.getByRole("textbox", { name: /^Message to/ }).fill("what is the pet of yuri slate ?");
    await there.keyboard.press("Tab"), await there.getByRole("button", { name: "Send" }).click();
    await there.waitForSelector(".turn.assistant .numbers");
    await there.getByText("looked up").click();
    assert.match(await there.locator(".ran li").first().innerText(), /towns\.txt:1 the pet of yuri slate is a moth/);
    // A model calls a tool when it likes; the server's own answer, as it comes, is what the page shows.
    await there.route("**/v1/chat/completions", (route) => route.fulfill({ contentType: "text/event-stream", body: [
      { choices: [{ index: 0, delta: {}, finish_reason: null }], lineage: { tools: [{ index: 0, code: "print ( 2 + 3 )", result: "5", error: null }] } },
      { choices: [{ index: 0, delta: { content: "5" }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "stop" }], lineage: { refused_by: null } },
    ].map((c) => `data: ${JSON.stringify(c)}\n\n`).join("") + "data: [DONE]\n\n" }));
    await there.getByRole("button", { name: "Retry" }).click();
    await there.waitForSelector("text=print ( 2 + 3 )");
    assert.match(await there.locator(".ran").innerText(), /ran print \( 2 \+ 3 \) → 5/);
    await withDocuments.stop();
  },
  async "it is accessible and fits a phone"() {
    await page.getByRole("button", { name: "New conversation" }).click();
    await say("what is 2 + 3 ?");
    await accessible(page);
    page = await open(server, "#/chat", { width: 390, height: 844, touch: true });
    await field().fill("one");
    await field().press("Enter"); // without a keyboard Enter makes a line
    assert.equal(await answers().count(), 0);
    await page.getByRole("button", { name: "Send" }).click();
    await idle();
    await fits(page);
    await accessible(page);
  },
}, { allowed: /ERR_CONNECTION_REFUSED|status of 4|status of 503/ });
