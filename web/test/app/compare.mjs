// Compare: several models answer one prompt together, and tokens are coloured against the parent.
import assert from "node:assert/strict";
import { accessible, fits, open, runAll, Server, unanswered, takeExample } from "./support.mjs";

const server = await Server.start();
let page = await open(server, "#/compare");
const field = () => page.getByRole("textbox", { name: "Prompt" });
const columns = () => page.locator(".column");
const selects = () => page.locator(".chosen select");
const done = () => page.waitForFunction(() => document.querySelector(".column") && !document.querySelector(".column[aria-busy=true]"));
const models = (await (await fetch(`${server.origin}/v1/models`)).json()).data;
const parentOf = (id) => models.find((m) => m.id === id).parent;

await runAll({
  async "a tuned model and its parent are chosen at first"() {
    const [parent, child] = await selects().evaluateAll((all) => all.map((s) => s.value));
    assert.equal(parentOf(child), parent);
  },
  async "both answer, and the child's tokens have both probabilities and a colour"() {
    await takeExample(page);
    await page.keyboard.press("Enter");
    await done();
    await page.waitForSelector(".column:nth-child(2) .token");
    const child = columns().nth(1);
    assert.match(await child.innerText(), /against /);
    const note = await child.locator(".token").first().getAttribute("title");
    const [, parent] = [0, await selects().first().inputValue()];
    assert.match(note, new RegExp(`^[\\d.]+ %, [\\d.e-]+ % to ${parent}$`));
    const styles = await child.locator(".token").evaluateAll((all) => all.map((t) => t.getAttribute("style")));
    assert.ok(styles.every((s) => /--strength: ?\d+%; ?--hue: ?var\(--(better|worse)\)/.test(s)), styles.join());
  },
  async "the ratio is the server's own"() {
    const ids = await selects().evaluateAll((all) => all.map((s) => s.value));
    const text = await columns().nth(1).locator(".token").allInnerTexts();
    const prompt = await page.locator(".asked").innerText();
    const answer = await (await fetch(`${server.origin}/v1/lineage/compare`, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ models: ids, messages: [{ role: "user", content: prompt }], answer: text.join("").trim() }) })).json();
    const shown = await columns().nth(1).locator(".token").first().getAttribute("title");
    const percent = 100 * Math.exp(answer.models.find((m) => m.model === ids[1]).answer.tokens[0].logprob);
    assert.ok(Math.abs(Number.parseFloat(shown) - percent) <= 0.5 + percent / 100, `${shown} ${percent}`);
    const hues = await columns().nth(1).locator(".token").evaluateAll((all) => all.map((t) => /--(better|worse)/.exec(t.getAttribute("style"))[1]));
    const ratios = answer.models.find((m) => m.model === ids[1]).answer.tokens.map((t) => t.log_ratio);
    assert.deepEqual(hues, hues.map((_, i) => (ratios[i] > 0 ? "better" : "worse")), "likelier than to the parent is better");
  },
  async "tokens are walked with the arrow keys"() {
    const tokens = columns().nth(1).locator(".token");
    await tokens.first().focus();
    await page.keyboard.press("End");
    const last = await tokens.count() - 1;
    assert.ok(await tokens.nth(last).evaluate((t) => t === document.activeElement));
    await page.keyboard.press("Home");
    assert.ok(await tokens.nth(0).evaluate((t) => t === document.activeElement));
  },
  async "a comparison is stopped: all its requests end"() {
    const requests = await unanswered(page, "/v1/chat/completions");
    await field().fill("stop this");
    await field().press("Enter");
    await page.getByRole("button", { name: "Stop" }).click();
    await done();
    assert.ok((await columns().allInnerTexts()).every((text) => /stopped/.test(text)));
    await requests.dropsTo(await columns().count());
    await requests.end();
  },
  async "up to four models, and base models on a text to go on with"() {
    await page.getByRole("button", { name: "text to go on with" }).click();
    while (await page.getByRole("button", { name: "Add a model" }).count()) await page.getByRole("button", { name: "Add a model" }).click();
    assert.equal(await selects().count(), 4);
    const base = models.find((m) => m.stage === "pretrain" && !m.parent).id;
    await selects().nth(3).selectOption(base);
    await field().fill("the");
    await field().press("Enter");
    await done();
    assert.equal(await columns().count(), 4);
    await page.waitForFunction(() => [...document.querySelectorAll(".column")].every((c) => /against|no colours|nothing/.test(c.innerText)));
    assert.match(await columns().nth(3).innerText(), new RegExp(`no colours: ${base} has no parent here`));
  },
  async "the comparison is there after a reload, and leads on to a chat or a completion"() {
    const texts = await columns().allInnerTexts();
    await page.reload();
    await page.waitForSelector(".column");
    assert.deepEqual(await columns().allInnerTexts(), texts);
    await columns().nth(3).getByText(/^Go on with/).click();
    await page.waitForFunction(() => document.title === "Completion · Lineage");
    assert.equal(await page.getByRole("textbox", { name: "Text" }).inputValue(), "the");
    await page.goBack();
  },
  async "a link opens it with models and prompt"() {
    const child = models.find((m) => m.parent && m.capabilities.includes("chat"));
    await page.goto(`${server.origin}/#/compare?models=${encodeURIComponent(child.id)}&prompt=hello`);
    await page.waitForFunction(() => document.querySelector("textarea")?.value === "hello");
    assert.deepEqual(await selects().evaluateAll((all) => all.map((s) => s.value)), [child.id]);
  },
  async "it is accessible and fits a phone"() {
    await accessible(page);
    page = await open(server, "#/compare", { width: 390, height: 844, touch: true });
    await takeExample(page);
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await done();
    await fits(page);
    await accessible(page);
  },
});
