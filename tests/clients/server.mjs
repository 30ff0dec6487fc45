// A `lineage serve` for a test, and requests to it without any client.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import net from "node:net";
import { join } from "node:path";

// Every test file is started as `node FILE LINEAGE MODELS`; MODELS is what grow.mjs wrote.
export const [lineage, models] = process.argv.slice(2);
export const trees = { words: join(models, "words"), letters: join(models, "letters") };
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// The first seed with which `answer` gives a text of some length, and of whole characters. What a
// seed draws differs between processors, so that no test can rely on one.
export async function seedOf(answer, length = 16) {
  for (let seed = 1; seed <= 200; ++seed) {
    const text = await answer(seed);
    if ([...text].length >= length && !text.includes("\ufffd")) return seed;
  }
  assert.fail(`no seed of 200 gives ${length} characters`);
}

export class Server {
  static all = [];

  // Resolves when it listens; the port is in what it says.
  static async start(folders, options = []) {
    const server = new Server();
    server.process = spawn(lineage, ["serve", ...folders, "--port", "0", ...options], { stdio: ["ignore", "ignore", "pipe"] });
    Server.all.push(server);
    process.once("exit", () => server.process.kill("SIGKILL"));
    server.ended = new Promise((done) => server.process.once("exit", (code, signal) => done({ code, signal })));
    server.said = "";
    server.process.stderr.setEncoding("utf8");
    await new Promise((done, failed) => {
      server.process.stderr.on("data", (text) => {
        server.said += text;
        const at = /models? at http:\/\/127\.0\.0\.1:(\d+)\/v1/.exec(server.said);
        if (at) server.port = Number(at[1]), done();
      });
      server.ended.then(() => failed(new Error(`lineage serve has ended: ${server.said}`)));
    });
    server.origin = `http://127.0.0.1:${server.port}`;
    server.baseURL = `${server.origin}/v1`;
    for (let i = 0; (await fetch(`${server.origin}/health`)).status !== 200; ++i) {
      assert.ok(i < 500, "never ready");
      await sleep(10);
    }
    return server;
  }

  // SIGTERM; exit status 0 is wanted.
  async end() {
    this.process.kill("SIGTERM");
    assert.deepEqual(await this.ended, { code: 0, signal: null }, this.said.slice(-2000));
  }

  // The same, at the end of a test file; those that a failed test has left would keep it alive.
  async endLast() {
    for (const server of Server.all) if (server !== this) server.process.kill("SIGKILL");
    await this.end();
  }

  async get(path, headers = {}) {
    const response = await fetch(this.origin + path, { headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  // `body`: an object, or bytes to be sent as they are.
  async post(path, body, { headers = {}, signal } = {}) {
    const response = await fetch(this.origin + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
      signal,
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  async ok(path, body, options) {
    const answer = await this.post(path, body, options);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  // An error with all four keys, of these; `about` is part of its message.
  async fails(path, body, status, wanted = {}, about = "") {
    const answer = await this.post(path, body);
    assert.equal(answer.status, status, `${JSON.stringify(body).slice(0, 200)}: ${answer.text.slice(0, 300)}`);
    checkError(answer, wanted, about);
    return answer;
  }

  // The chunks of a stream, each checked to be UTF-8, framed as an event of one line, and JSON.
  async stream(path, body) {
    const response = await fetch(this.origin + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, stream: true }),
    });
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await response.arrayBuffer());
    assert.equal(response.status, 200, text);
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-cache");
    assert.equal(response.headers.get("x-accel-buffering"), "no");
    assert.ok(text.endsWith("\n\n"));
    const events = text.slice(0, -2).split("\n\n");
    assert.equal(events.pop(), "data: [DONE]");
    return events.map((event) => {
      assert.match(event, /^data: [^\n]*$/);
      const chunk = JSON.parse(event.slice(6));
      assert.ok(!("error" in chunk), event);
      return chunk;
    });
  }

  async tokens(model, prompt) {
    return (await this.ok("/tokenize", { model, prompt, add_special_tokens: false })).tokens;
  }

  // The sum of the samples of a metric; every number must be one.
  async metric(name) {
    const { text } = await this.get("/metrics");
    let sum = 0;
    for (const line of text.split("\n").filter((l) => l && !l.startsWith("#"))) {
      const [, key, value] = /^([a-z_0-9]+)(?:\{[^}]*\})? (\S+)$/.exec(line) ?? assert.fail(line);
      assert.ok(Number.isFinite(Number(value)), line);
      if (key === `lineage_${name}`) sum += Number(value);
    }
    return sum;
  }

  // Nothing is generated and nothing waits, a few steps from now; on a busy machine they take longer.
  async idle(why) {
    for (let i = 0; i < 300; ++i) {
      const busy = (await this.metric("num_requests_running")) + (await this.metric("num_requests_waiting"));
      if (busy === 0) return;
      await sleep(5);
    }
    assert.fail(`${why}: still at work`);
  }

  async until(name, reached) {
    for (let i = 0; i < 5000; ++i) {
      if (reached(await this.metric(name))) return;
      await sleep(2);
    }
    assert.fail(`${name} never got there`);
  }

  // A connection that sends these bytes and collects what comes.
  socket(bytes = "") {
    const socket = net.connect(this.port, "127.0.0.1");
    socket.got = "";
    socket.setEncoding("latin1");
    socket.on("data", (text) => (socket.got += text));
    socket.on("error", () => {});
    socket.over = new Promise((done) => socket.once("close", done));
    socket.write(bytes);
    return socket;
  }

  // The bytes until the server closes the connection.
  async raw(bytes, seconds = 5) {
    const socket = this.socket(bytes);
    const timer = setTimeout(() => socket.destroy(), 1000 * seconds);
    await socket.over;
    clearTimeout(timer);
    return socket.got;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function checkError(answer, wanted = {}, about = "") {
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.ok(answer.headers.get("x-request-id"), "no x-request-id");
  const error = answer.json.error;
  assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"]);
  for (const [key, value] of Object.entries(wanted)) assert.equal(error[key], value, answer.text);
  assert.ok(error.message.includes(about), `${error.message} does not say ${about}`);
}

// A POST as bytes.
export function posted(path, body, headers = "") {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

// The chunks of a streamed completion put together as the answer that is not streamed.
export function joined(chunks) {
  const choices = [];
  let usage;
  for (const chunk of chunks) {
    if (chunk.usage) usage = chunk.usage;
    for (const part of chunk.choices) {
      const c = (choices[part.index] ??= { text: "", index: part.index, logprobs: null, finish_reason: null });
      assert.equal(c.finish_reason, null, "a chunk after the last one of a choice");
      assert.equal(typeof part.text, "string");
      c.text += part.text;
      c.finish_reason = part.finish_reason;
      if (!part.logprobs) continue;
      c.logprobs ??= { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
      for (const key of Object.keys(c.logprobs)) c.logprobs[key].push(...part.logprobs[key]);
    }
  }
  return { choices, usage };
}

// The same for a chat.
export function joinedChat(chunks) {
  const choices = [];
  let usage;
  for (const chunk of chunks) {
    assert.equal(chunk.object, "chat.completion.chunk");
    if (chunk.usage) usage = chunk.usage;
    for (const part of chunk.choices) {
      const first = !choices[part.index];
      const c = (choices[part.index] ??= { index: part.index, content: "", calls: [], logprobs: [], finish_reason: null });
      assert.equal(c.finish_reason, null, "a chunk after the last one of a choice");
      assert.equal(part.delta.role, first ? "assistant" : undefined);
      c.content += part.delta.content ?? "";
      c.calls.push(...(part.delta.tool_calls ?? []));
      c.logprobs.push(...(part.logprobs?.content ?? []));
      c.finish_reason = part.finish_reason;
    }
  }
  return { choices, usage };
}
