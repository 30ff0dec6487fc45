// A measurement, no test: how soon a page is usable, and the frames of one that streams four columns for a
// minute.
//   node test/app/frames.mjs LINEAGE CHROMIUM RUN
import { open, Server } from "./support.mjs";

const SECONDS = 60, LATE_MS = 50;
const server = await Server.start();
const page = await open(server, "#/compare");
const loads = [];
for (let i = 0; i < 10; ++i) { // each without a cache
  const began = performance.now();
  const fresh = await open(server, "#/chat");
  await fresh.getByRole("textbox", { name: /^Message to/ }).waitFor();
  loads.push(performance.now() - began);
  await fresh.context().close();
}
loads.sort((a, b) => a - b);
while (await page.getByRole("button", { name: "Add a model" }).count()) await page.getByRole("button", { name: "Add a model" }).click();
await page.getByText("Sampling").first().click();
await page.getByRole("spinbutton", { name: "Temperature" }).fill("1.5");
await page.getByRole("spinbutton", { name: "Temperature" }).press("Tab");
await page.locator(".examples li button").nth(3).click();
const started = page.evaluate(([seconds]) => new Promise((done) => {
  const gaps = [];
  let last = performance.now();
  const end = last + 1000 * seconds;
  const frame = (now) => {
    gaps.push(now - last);
    last = now;
    now < end ? requestAnimationFrame(frame) : done(gaps);
  };
  requestAnimationFrame(frame);
}), [SECONDS]);
let comparisons = 0;
const until = Date.now() + 1000 * SECONDS;
while (Date.now() < until) {
  await page.getByRole("textbox", { name: "Prompt" }).press("Enter");
  await page.waitForFunction(() => document.querySelectorAll(".column").length === 4 && !document.querySelector(".column[aria-busy=true]"));
  ++comparisons;
}
const gaps = await started;
const late = gaps.filter((g) => g > LATE_MS).length;
console.log(JSON.stringify({ frames: gaps.length, late, share: late / gaps.length, longest_ms: Math.max(...gaps), comparisons, usable_ms: loads[5], slowest_load_ms: loads[9] }));
process.exit(0);
