import "./style.css";
import { h } from "./dom";
import { page } from "./page";
import { asReport } from "./report";

/** The report, which the page holds as base64 of gzip. */
async function embedded(): Promise<unknown> {
  if (typeof DecompressionStream === "undefined")
    throw new Error("this browser cannot unpack it; browsers from 2023 on can");
  const text = document.getElementById("report-data")!.textContent ?? "";
  const bytes = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
  const json = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(json).text());
}

const place = document.getElementById("report")!;
embedded().then((data) => {
  const report = asReport(data);
  document.title = `${report.name} · Lineage`;
  place.replaceChildren(page(report));
}).catch((error: unknown) => {
  place.replaceChildren(h("p", { class: "failure", role: "alert" },
    `This report cannot be drawn: ${error instanceof Error ? error.message : error}.`));
  throw error;
});
