// The Tree view: the drawing, a stage's changes, the items behind them, and what a click leads to.
import assert from "node:assert/strict";
import { accessible, fits, open, runAll, Server } from "./support.mjs";

const server = await Server.start();
let page = await open(server);
const api = async (path) => (await fetch(server.origin + path)).json();
const { trees } = await api("/v1/lineage/trees");
const tree = trees[0];
const report = await api(`/v1/lineage/report?tree=${encodeURIComponent(tree.tree)}&run=${encodeURIComponent(tree.run)}`);
// An edge and a row that gained and lost items.
let edge, row, differences;
for (const e of report.edges.filter((x) => x.kind === "parent")) {
  for (const i of e.contrasts) {
    const ability = report.contrasts[i].ability;
    const d = await api(`/v1/lineage/differences?tree=${tree.tree}&node=${e.node}&from=${e.from}&ability=${ability}&which=gained`);
    if (d.gained > 0 && d.items.every((x) => x.prompt.trim())) [edge, row, differences] = [e, ability, d];
    if (edge) break;
  }
  if (edge) break;
}
assert.ok(edge, "no stage of this tree gained an item");
const ready = (p) => p.waitForSelector(".heatmap td[data-node]", { timeout: 150_000 });

await runAll({
  async "the tree and the abilities are those of the report"() {
    await ready(page);
    assert.equal(await page.locator(".tree article").count(), report.nodes.length);
    const heads = report.abilities.filter((a) => a.of === "").length;
    assert.equal(await page.locator(".heatmap td[data-node]").count(), heads * report.nodes.filter((n) => !["reward", "moderation"].includes(n.stage)).length);
  },
  async "an edge of the drawing shows what the stage gave and took"() {
    // In the middle of the line, which is where nothing lies over it.
    const line = page.locator(`.tree g:has(> path[data-edge="${edge.from} ${edge.node}"]) > path.wide`);
    const [x, y] = await line.evaluate((path) => {
      path.scrollIntoView({ block: "center" });
      const at = path.getPointAtLength(path.getTotalLength() - 8).matrixTransform(path.getScreenCTM());
      return [at.x, at.y];
    });
    await page.mouse.click(x, y);
    await page.waitForSelector("figure.edge");
    assert.equal(await page.locator("figure.edge").getAttribute("data-edge"), `${edge.from} ${edge.node}`);
    assert.equal(await page.locator(".edge-row").count(), edge.contrasts.length);
    assert.ok(await page.locator(`.tree path.chosen[data-edge="${edge.from} ${edge.node}"]`).count());
  },
  async "the list and the keyboard choose edges, too"() {
    await page.selectOption(".edge-choice", { index: report.edges.length - 1 });
    const last = report.edges.at(-1);
    await page.waitForSelector(`figure.edge[data-edge="${last.from} ${last.node}"]`);
    await page.locator(`.tree article[data-node="${edge.node}"]`).focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector(`figure.edge[data-edge="${edge.from} ${edge.node}"]`);
  },
  async "a row explains itself and shows the items where the answers differ, side by side"() {
    await page.locator(`.edge-row[data-ability="${row}"] .opener`).click();
    await page.waitForSelector(".difference");
    const about = report.explanations.find((e) => e.ability === row);
    if (about) assert.ok((await page.locator(".row-open .explanation").innerText()).includes(about.measures.slice(0, 30)));
    const first = differences.items[0];
    const shown = page.locator(`.difference[data-item="${first.item}"]`);
    assert.equal((await shown.locator(".prompt pre").first().textContent()), first.prompt);
    assert.deepEqual(await shown.locator(".answer h5").evaluateAll((all) => all.map((h) => h.firstChild.textContent)), [edge.from, edge.node]);
    assert.equal(await page.locator(".difference").count(), Math.min(10, differences.gained));
    await page.locator(".differences .choice button", { hasText: "lost" }).click();
    await page.waitForFunction(() => !document.querySelector(".differences")?.innerText.includes("Reading"));
    await page.locator(".differences .choice button", { hasText: "gained" }).click();
    await page.waitForSelector(".difference");
  },
  async "a reload opens the same place"() {
    await page.reload();
    await page.waitForSelector(".difference", { timeout: 150_000 });
    assert.equal(await page.locator("figure.edge").getAttribute("data-edge"), `${edge.from} ${edge.node}`);
  },
  async "a word leads to the glossary and not away"() {
    await page.locator(".heatmap ~ .key a.term, .key a.term").first().click();
    assert.match(await page.evaluate(() => location.hash), /^#\/tree/);
    assert.match(await page.evaluate(() => document.activeElement.id), /^term-/);
  },
  async "it is accessible and fits a phone"() {
    await accessible(page);
    const hash = await page.evaluate(() => location.hash);
    const phone = await open(server, hash, { width: 390, height: 844, touch: true });
    await phone.waitForSelector(".difference", { timeout: 150_000 });
    await fits(phone);
  },
  async "any answer leads to its model with the prompt"() {
    const first = page.locator(".difference").first();
    const prompt = await first.locator(".prompt pre").first().textContent();
    const links = await page.locator(".difference").first().locator("a.ask").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    assert.equal(links.length, 3);
    const models = (await api("/v1/models")).data;
    for (const link of links) {
      const [, view, query] = /^#\/(\w+)\?(.*)$/.exec(link);
      const q = new URLSearchParams(query);
      assert.equal(q.get("prompt"), prompt);
      for (const id of (q.get("model") ?? q.get("models")).split(",")) {
        const model = models.find((m) => m.id === id);
        assert.ok(model, id);
        if (view !== "compare") assert.equal(view, model.capabilities.includes("chat") ? "chat" : "completion");
      }
    }
    await first.locator("a.ask").last().click();
    await page.waitForFunction(() => /^#\/(chat|completion)/.test(location.hash));
    await page.goBack();
    await page.waitForSelector(".difference");
  },
  async "a report is not sent twice"() {
    const path = `${server.origin}/v1/lineage/report?tree=${tree.tree}`;
    const first = await fetch(path);
    assert.equal(first.headers.get("content-encoding"), "gzip");
    const again = await fetch(path, { headers: { "If-None-Match": first.headers.get("etag") } });
    assert.equal(again.status, 304);
  },
}, { allowed: /status of 404/ });
