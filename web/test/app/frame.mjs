// The frame of the served page: its views, its key, a server that goes away.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, fits, open, run, runAll, Server } from "./support.mjs";

let server = await Server.start();
let page = await open(server);

await runAll({
  async "the page opens on the tree and leads to every view"() {
    assert.equal(await page.title(), "Tree · Lineage");
    for (const name of ["Chat", "Compare", "Completion", "Runs", "Rank"]) {
      await page.click(`nav >> text=${name}`);
      await page.waitForFunction((n) => document.title === `${n} · Lineage`, name);
    }
    await page.goBack();
    await page.waitForFunction(() => document.title === "Runs · Lineage");
  },
  async "its files are small, compressed, and allow nothing from elsewhere"() {
    let bytes = 0;
    for (const path of ["/", "/assets/app.js", "/assets/app.css"]) {
      const response = await fetch(server.origin + path, { headers: { "Accept-Encoding": "gzip" } });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-encoding"), "gzip");
      assert.match(response.headers.get("content-security-policy"), /default-src 'none'; script-src 'self';/);
      bytes += Number(response.headers.get("content-length"));
      const again = await fetch(server.origin + path, { headers: { "If-None-Match": response.headers.get("etag") } });
      assert.equal(again.status, 304);
    }
    assert.ok(bytes <= 300_000, `${bytes} bytes`);
  },
  async "a server that goes away is shown, and that it is back"() {
    const { port } = server;
    await server.stop();
    await page.waitForSelector("text=The server does not answer"); // though nobody did anything
    server = await Server.start([run], { port });
    await page.waitForSelector("text=The server does not answer", { state: "detached" });
  },
  async "a key is asked for once"() {
    const file = join(mkdtempSync(join(tmpdir(), "lineage-key-")), "keys");
    writeFileSync(file, "secret\n");
    const locked = await Server.start([run], { options: ["--api-key-file", file] });
    page = await open(locked);
    await page.fill("input[type=password]", "wrong");
    await page.click("text=Use it");
    await page.fill("input[type=password]", "secret");
    await page.click("text=Use it");
    await page.waitForFunction(() => !document.querySelector("input[type=password]"));
    await page.reload();
    await page.waitForSelector("main > *:not(h1)");
    assert.equal(await page.locator("input[type=password]").count(), 0);
    page = await open(server);
  },
  async "it is accessible and fits a phone"() {
    await accessible(page);
    page = await open(server, "", { width: 390, height: 844, touch: true });
    await fits(page);
  },
}, { allowed: /401|ERR_CONNECTION_REFUSED|status of 5|Failed to load resource/ });
