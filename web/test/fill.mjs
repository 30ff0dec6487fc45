// Puts a report into the built page, as `lineage report` does:  node test/fill.mjs PAGE JSON OUT
import { readFileSync, writeFileSync } from "node:fs";

const [page, json, out] = process.argv.slice(2);
const data = JSON.stringify(JSON.parse(readFileSync(json, "utf8"))).replaceAll("<", "\\u003c");
writeFileSync(out, readFileSync(page, "utf8").replace('{"lineage":"report"}', () => data));
