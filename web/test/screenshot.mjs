// Takes pictures of a report for a person to look at.
//   node test/screenshot.mjs CHROMIUM REPORT.html FOLDER
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";

const [program, page, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = new Browser(program);
for (const [name, options] of Object.entries({
  light: { width: 1280 }, dark: { width: 1280, dark: true }, phone: { width: 390, height: 844, scale: 2, mobile: true } })) {
  await browser.open(pathToFileURL(resolve(page)).href, options);
  writeFileSync(`${folder}/${name}.png`, await browser.screenshot());
  for (const id of ["tree", "abilities", "edges", "rewards", "feedback", "curves", "answers", "provenance"]) {
    if (!(await browser.run(`document.getElementById("${id}") !== null`))) continue;
    const box = await browser.run(`(() => { const r = document.getElementById("${id}").getBoundingClientRect();
      return { x: 0, y: r.y + scrollY - 10, width: innerWidth, height: Math.min(r.height + 20, 2400) }; })()`);
    writeFileSync(`${folder}/${name}-${id}.png`, await browser.screenshot(box));
  }
}
console.log(browser.complaints.length ? browser.complaints.join("\n") : "no complaints");
await browser.close();
