// Completion: a base model goes on with a text; tokens, their alternatives, undo.
import assert from "node:assert/strict";
import { accessible, fits, open, runAll, Server, unanswered } from "./support.mjs";

const server = await Server.start();
let page = await open(server, "#/completion");
const field = () => page.getByRole("textbox", { name: "Text" });
const tokens = () => page.locator(".tokens .token");
const idle = () => page.waitForFunction(() => document.querySelector(".token") && ![...document.querySelectorAll("button")].some((b) => b.textContent === "Stop"));
const button = (name) => page.getByRole("button", { name, exact: true });
const model = await page.locator(".model-select select").inputValue();

await runAll({
  async "a text is gone on with, and its tokens say how likely they were"() {
    await field().fill("the");
    await field().press("Enter");
    await idle();
    const text = await field().inputValue();
    assert.ok(text.startsWith("the") && text.length > 3, text);
    assert.match(await tokens().first().getAttribute("title"), /[\d.]+ %; likeliest: /);
    assert.match(await page.locator(".completion .numbers").innerText(), /^\d+ tokens · .*seed \d+/);
  },
  async "an alternative goes in place of a token, and the model goes on from there"() {
    const before = await field().inputValue();
    await tokens().nth(1).click();
    const other = page.locator(".alternatives li button:not([aria-current]):not([disabled])").first();
    const word = await other.locator("code").innerText();
    const kept = "the" + (await tokens().allInnerTexts())[0] + word;
    await other.click();
    await idle();
    const now = await field().inputValue();
    assert.ok(now.startsWith(kept.replace("⏎\n", "\n")), `${now} begins with ${kept}`);
    await button("Undo").click();
    assert.equal(await field().inputValue(), before);
    await button("Redo").click();
    assert.equal(await field().inputValue(), now);
  },
  async "the text's own tokens are shown with the ids that the server gives"() {
    await field().fill("the dog and the cat");
    await button("Show tokens").click();
    await page.waitForSelector(".token");
    const { tokens: ids } = await (await fetch(`${server.origin}/tokenize`, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ model, prompt: "the dog and the cat", add_special_tokens: false }) })).json();
    const notes = await tokens().evaluateAll((all) => all.map((t) => t.title));
    assert.deepEqual(notes.map((n) => Number(/^id (\d+)/.exec(n)[1])), ids);
    assert.equal((await tokens().allInnerTexts()).join(""), "the dog and the cat");
  },
  async "by keyboard alone"() {
    await tokens().first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".alternatives");
    assert.equal(await tokens().nth(1).getAttribute("aria-pressed"), "true");
  },
  async "the text is there after a reload"() {
    await page.reload();
    await page.waitForSelector("textarea");
    assert.equal(await field().inputValue(), "the dog and the cat");
  },
  async "it is stopped: its request ends, and the text stays"() {
    const requests = await unanswered(page, "/v1/completions");
    await field().press("Enter");
    await button("Stop").click();
    await button("Go on").waitFor();
    await requests.dropsTo(1);
    assert.equal(await field().inputValue(), "the dog and the cat");
    await requests.end();
  },
  async "a fault is shown, and the text stays"() {
    const long = Array(3000).fill("the").join(" ");
    await field().fill(long);
    await field().press("Enter");
    await page.waitForSelector(".bad");
    assert.equal(await field().inputValue(), long);
    await button("Clear").click();
    await button("Undo").click();
    assert.equal(await field().inputValue(), long);
    await button("Clear").click();
  },
  async "it is accessible and fits a phone"() {
    await field().fill("the");
    await field().press("Enter");
    await idle();
    await tokens().first().click();
    await accessible(page);
    page = await open(server, "#/completion", { width: 390, height: 844, touch: true });
    await field().fill("the dog");
    await button("Go on").click();
    await idle();
    await fits(page);
    await accessible(page);
  },
}, { allowed: /status of 400/ });
