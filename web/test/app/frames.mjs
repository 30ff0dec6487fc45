// A measurement, no test: the frames of a page that streams four columns for a minute.
//   node test/app/frames.mjs LINEAGE CHROMIUM RUN
import { open, Server } from "./support.mjs";

const SECONDS = 60, LATE_MS = 50;
const server = await Server.start();
const page = await open(server, "#/compare");
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
console.log(JSON.stringify({ frames: gaps.length, late, share: late / gaps.length, longest_ms: Math.max(...gaps), comparisons }));
process.exit(0);
