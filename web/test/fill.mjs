// Puts a report into the built page, as `lineage report` does:  node test/fill.mjs PAGE JSON OUT
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

/** A page with this report in place of its data. */
export function filled(page, report) {
  const data = gzipSync(JSON.stringify(report)).toString("base64");
  return page.replace(/(id="report-data">)[^<]*/, (_, tag) => tag + data);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [page, json, out] = process.argv.slice(2);
  writeFileSync(out, filled(readFileSync(page, "utf8"), JSON.parse(readFileSync(json, "utf8"))));
}
