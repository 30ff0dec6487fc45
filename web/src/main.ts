import "./style.css";
import { h } from "./dom";
import { page } from "./page";
import { asReport } from "./report";

const place = document.getElementById("report")!;
try {
  const report = asReport(JSON.parse(document.getElementById("report-data")!.textContent ?? ""));
  document.title = `${report.name} · Lineage`;
  place.replaceChildren(page(report));
} catch (error) {
  place.replaceChildren(h("p", { class: "failure", role: "alert" },
    `This report cannot be drawn: ${error instanceof Error ? error.message : error}.`));
  throw error;
}
