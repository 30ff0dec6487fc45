// What the tests of the served page share: a server, a browser, and a runner.
//   node test/app/VIEW.mjs LINEAGE CHROMIUM RUN     (RUN: a run folder with a measured tree)
// A test file exits with 77 when there is no Chromium: it is skipped.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [lineageGiven, program, runGiven] = process.argv.slice(2);
export const lineage = resolve(lineageGiven), run = resolve(runGiven);
if (!program || !existsSync(program)) {
  console.log("SKIPPED: no Chromium here; install the Debian package chromium");
  process.exit(77);
}
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A `lineage serve` of these paths; `port` 0 is any free one. */
export class Server {
  static async start(paths = [run], { options = [], port = 0 } = {}) {
    const server = new Server();
    server.process = spawn(lineage, ["serve", ...paths, "--port", String(port), "--memory", "0.5", ...options],
      { stdio: ["ignore", "ignore", "pipe"] });
    process.once("exit", () => server.process.kill("SIGKILL"));
    server.said = "";
    await new Promise((done, failed) => {
      server.process.stderr.setEncoding("utf8").on("data", (text) => {
        server.said += text;
        const at = /open http:\/\/127\.0\.0\.1:(\d+)/.exec(server.said);
        if (at) server.port = Number(at[1]), done();
      });
      server.process.once("exit", () => failed(new Error(`lineage serve has ended: ${server.said}`)));
    });
    server.origin = `http://127.0.0.1:${server.port}`;
    return server;
  }

  async stop() {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGKILL");
    await ended;
  }
}

/** A run folder with the nodes of `run` whose rankings are its own; it is gone when the test ends. */
export function runOfOwnRankings() {
  const folder = mkdtempSync(join(tmpdir(), "lineage-run-"));
  for (const part of ["nodes", "trees"]) symlinkSync(join(run, part), join(folder, part));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A set of prompts to be ranked, each [prompt, answers]; its id. */
export async function makeSet(server, title, prompts) {
  const response = await fetch(`${server.origin}/v1/lineage/rankings`, { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ title, prompts: prompts.map(([content, answers]) => ({ messages: [{ role: "user", content }],
      answers: answers.map((text) => ({ text, model: "m" })) })) }) });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).id;
}

/** What a labeler ranked, in the order of the prompts. */
export async function recordsOf(server, id, labeler) {
  return (await (await fetch(`${server.origin}/v1/lineage/rankings/${id}?labeler=${labeler}`)).json()).records;
}

/** Opens the set of that title as a labeler who is on the page of all sets. */
export async function startRanking(page, title, name) {
  await page.getByLabel("Your name or initials").fill(name);
  await page.locator(".sets li", { hasText: title }).getByRole("button", { name: "Rank" }).click();
  await page.waitForSelector(".ranking");
}

/** Until the server has every ranking. */
export const rankingsSaved = (page) => page.waitForFunction(() => Object.keys(localStorage).every((k) => !k.startsWith("lineage.rank.pending.")));

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** What all pages did that none may do: complaints of the console, requests to elsewhere. */
export const complaints = [], outside = [];

/** A page of its own storage, at a view ("#/chat"). */
export async function open(server, fragment = "", { width = 1280, height = 900, dark = false, touch = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light",
    hasTouch: touch, isMobile: touch, reducedMotion: "reduce", acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("console", (m) => { if (["error", "warning"].includes(m.type())) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("request", (r) => { if (!/^(data|blob):/.test(r.url()) && !r.url().startsWith(server.origin)) outside.push(r.url()); });
  await page.goto(`${server.origin}/${fragment}`);
  await page.waitForSelector("main > *:not(h1)", { state: "attached" });
  return page;
}

/** Has requests to a path wait for ever; `dropped` is how many of them the page has given up. */
export async function unanswered(page, path) {
  const state = { dropped: 0 };
  const count = (r) => { if (r.url().endsWith(path)) ++state.dropped; };
  await page.route(`**${path}`, () => {});
  page.on("requestfailed", count);
  state.dropsTo = async (n) => { // the browser says so after the page has gone on
    for (const end = Date.now() + 60_000; Date.now() < end && state.dropped !== n;) await sleep(20);
    assert.equal(state.dropped, n);
  };
  state.end = async () => { page.off("requestfailed", count); await page.unroute(`**${path}`); };
  return state;
}

/** Takes the first example into the field, again where a redraw between press and release took the click. */
export async function takeExample(page) {
  const field = page.locator(".composer textarea");
  for (const end = Date.now() + 60_000; Date.now() < end && !(await field.inputValue()); await sleep(500))
    await page.locator(".examples li button").first().click();
  assert.ok(await field.inputValue(), "an example comes into the field");
}

/** No finding of axe, in light and dark. */
export async function accessible(page) {
  const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(source); // by the debugger, which the page's policy does not bind
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.map((v) => `${colorScheme}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.target).join(" | ")}`), []);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/** The page is not wider than its window. */
export async function fits(page) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `the page is ${wide} wide in a window of ${room}`);
}

/** Runs tests in their order, each where the one before left the page; at the end nothing may have complained or gone elsewhere. */
export async function runAll(tests, { allowed = /$^/ } = {}) {
  let failed = 0;
  const last = {
    "nothing complains, nothing is fetched from elsewhere": () => {
      assert.deepEqual(complaints.filter((c) => !allowed.test(c)), []);
      assert.deepEqual(outside, []);
    },
  };
  for (const [name, test] of Object.entries({ ...tests, ...last })) {
    try {
      await test();
      console.log(`passed: ${name}`);
    } catch (error) {
      ++failed;
      console.log(`FAILED, and those behind it not run: ${name}\n${error.stack}`);
      break;
    }
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
}
