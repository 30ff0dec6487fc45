// Drives a headless Chromium over its debugging pipe (file descriptors 3 and 4, JSON messages that
// end in NUL): no library, no port.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Browser {
  #process;
  #waiting = new Map();
  #last = 0;
  #folder = mkdtempSync(join(tmpdir(), "lineage-browser-"));
  /** What the page complained about: console errors and warnings, exceptions, failed requests. */
  complaints = [];
  /** Every address that the page asked for. */
  requests = [];

  constructor(program) {
    this.#process = spawn(program, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb",
      `--user-data-dir=${this.#folder}`, "about:blank",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    let rest = "";
    this.#process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const parts = (rest + text).split("\0");
      rest = parts.pop();
      for (const part of parts) this.#receive(JSON.parse(part));
    });
  }

  #receive(message) {
    if (message.id) {
      const { resolve, reject } = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      message.error ? reject(new Error(message.error.message)) : resolve(message.result);
      return;
    }
    const p = message.params;
    if (message.method === "Runtime.exceptionThrown")
      this.complaints.push(p.exceptionDetails.exception?.description ?? p.exceptionDetails.text);
    if (message.method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(p.type))
      this.complaints.push(`${p.type}: ${p.args.map((a) => a.value ?? a.description).join(" ")}`);
    if (message.method === "Log.entryAdded" && ["error", "warning"].includes(p.entry.level))
      this.complaints.push(`${p.entry.level}: ${p.entry.text} ${p.entry.url ?? ""}`);
    if (message.method === "Network.requestWillBeSent") this.requests.push(p.request.url);
    if (message.method === "Page.loadEventFired") this.loaded?.();
  }

  send(method, params = {}) {
    const id = ++this.#last;
    const message = { id, method, params };
    if (this.session) message.sessionId = this.session;
    this.#process.stdio[3].write(JSON.stringify(message) + "\0");
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async open(url, { width = 1280, height = 900, dark = false, scale = 1, mobile = false } = {}) {
    if (!this.session) {
      const { targetInfos } = await this.send("Target.getTargets");
      const { targetId } = targetInfos.find((t) => t.type === "page");
      this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
      for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.send(`${domain}.enable`);
    }
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile });
    await this.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    const loaded = new Promise((resolve) => (this.loaded = resolve));
    await this.send("Page.navigate", { url });
    await loaded;
    // The report is unpacked after the page has loaded.
    for (let i = 0; i < 200 && !(await this.run(`document.querySelector("#report > :not(noscript)") !== null`)); ++i)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await this.settle();
  }

  /** Two frames: figures are drawn when the layout has told them their width. */
  settle() {
    return this.run("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r))))");
  }

  /** The value of an expression in the page. */
  async run(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async press(key) {
    const text = key === "Enter" ? "\r" : undefined;  // without it nothing is activated
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, code: key, text });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, code: key });
  }

  async screenshot(clip) {
    const size = clip ?? (await this.run("({x: 0, y: 0, width: innerWidth, height: document.documentElement.scrollHeight})"));
    const { data } = await this.send("Page.captureScreenshot", {
      format: "png", captureBeyondViewport: true, clip: { scale: 1, ...size } });
    return Buffer.from(data, "base64");
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    await this.send("Browser.close").catch(() => {});
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
