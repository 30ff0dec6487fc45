/** Has the browser save a text as a file. */
export function download(name: string, text: string): void {
  const at = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  Object.assign(document.createElement("a"), { href: at, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(at), 1000);
}
