// OpenAI's own client for JavaScript, as programs use it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import OpenAI from "openai";
import { seedOf, Server, sleep, trees } from "./server.mjs";

const server = await Server.start([trees.words, trees.letters], ["--default-model", "plain", "--slots", "16"]);
const client = new OpenAI({ apiKey: "none", baseURL: server.baseURL, maxRetries: 0 });

async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test("models are listed and retrieved", async () => {
  const list = [];
  for await (const model of client.models.list()) list.push(model);
  assert.deepEqual(list.map((m) => m.id).sort(), ["chat", "davinci", "plain", "prattler", "slow", "talk"]);
  for (const model of list) {
    assert.equal(model.object, "model");
    assert.ok(Number.isInteger(model.created) && model.created > 0 && typeof model.owned_by === "string");
    assert.deepEqual(await client.models.retrieve(model.id), model);
  }
  const talk = list.find((m) => m.id === "talk");
  assert.equal(talk.context_length, 192);
  assert.equal(talk.parent, "plain");
  assert.deepEqual(talk.capabilities, ["completion", "chat"]);
  // An id with a slash, which the client writes as %2F.
  assert.equal((await client.models.retrieve("letters/talk")).id, "talk");
  await assert.rejects(client.models.retrieve("gpt-4"), OpenAI.NotFoundError);
});

test("a completion of a text, of ids and of several prompts", async () => {
  const ids = await server.tokens("plain", "the cat");
  const ask = { model: "plain", max_tokens: 8, temperature: 0 };
  const byText = await client.completions.create({ ...ask, prompt: "the cat" });
  assert.equal(byText.object, "text_completion");
  assert.match(byText.id, /^cmpl-/);
  assert.match(byText.system_fingerprint, /^fp_/);
  assert.ok(Math.abs(byText.created - Date.now() / 1000) < 60);
  assert.deepEqual(byText.usage, { prompt_tokens: ids.length, completion_tokens: 8, total_tokens: ids.length + 8 });
  const [choice] = byText.choices;
  assert.deepEqual(Object.keys(choice).sort(), ["finish_reason", "index", "logprobs", "text"]);
  assert.equal(choice.finish_reason, "length");
  assert.equal(choice.logprobs, null);
  const byIds = await client.completions.create({ ...ask, prompt: ids });
  assert.deepEqual(byIds.choices, byText.choices);
  const several = await client.completions.create({ ...ask, prompt: ["a dog", "the cat"], n: 2, temperature: 1, seed: 7 });
  assert.deepEqual(several.choices.map((c) => c.index), [0, 1, 2, 3]);
  const second = await client.completions.create({ ...ask, prompt: [ids], n: 2, temperature: 1, seed: 7 });
  assert.deepEqual(second.choices.map((c) => c.text), several.choices.slice(2).map((c) => c.text));
  assert.notEqual(second.choices[0].text, second.choices[1].text);
  // The default of max_tokens.
  assert.ok((await client.completions.create({ model: "plain", prompt: "the" })).usage.completion_tokens <= 16);
});

test("log-probabilities and echo", async () => {
  const answer = await client.completions.create({ model: "plain", prompt: "a café 🙂", max_tokens: 4, temperature: 0, logprobs: 3, echo: true });
  const { text, logprobs } = answer.choices[0];
  assert.ok(text.startsWith("a café 🙂"));
  assert.equal(logprobs.tokens.length, answer.usage.total_tokens);
  assert.equal(logprobs.tokens.slice(0, -4).join(""), "a café 🙂");
  assert.equal(logprobs.token_logprobs[0], null);
  assert.equal(logprobs.top_logprobs[0], null);
  logprobs.tokens.slice(1).forEach((token, i) => {
    const top = logprobs.top_logprobs[i + 1];
    assert.equal(top[token], logprobs.token_logprobs[i + 1]);  // the same double
    assert.ok(Object.keys(top).length >= 3 && Object.keys(top).length <= 4);
  });
  // Greedy: the chosen token has the greatest.
  for (const [i, top] of logprobs.top_logprobs.slice(-4).entries())
    assert.equal(logprobs.token_logprobs.at(i - 4), Math.max(...Object.values(top)));
  const prompt = await client.completions.create({ model: "plain", prompt: "a café 🙂", max_tokens: 0, logprobs: 3, echo: true });
  assert.deepEqual(prompt.choices[0].logprobs.top_logprobs, logprobs.top_logprobs.slice(0, -4));
  assert.equal(prompt.choices[0].text, "a café 🙂");
  assert.equal(prompt.usage.completion_tokens, 0);
});

test("a streamed completion is the same as one that is not", async () => {
  const ask = { model: "plain", prompt: ["the cat", "日本 🎉"], n: 3, max_tokens: 40, seed: 5, logprobs: 2 };
  const whole = await client.completions.create(ask);
  const chunks = await collected(await client.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } }));
  const texts = Array(6).fill(""), tokens = Array(6).fill(0), ends = Array(6).fill(null);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, whole.usage);
  for (const chunk of chunks) {
    assert.equal(chunk.object, "text_completion");
    assert.equal(chunk.id, last.id);
    assert.equal(chunk.created, last.created);
    assert.equal(chunk.model, "plain");
    assert.equal(chunk.usage, null);
    assert.equal(chunk.choices.length, 1);
    const [c] = chunk.choices;
    texts[c.index] += c.text, ends[c.index] = c.finish_reason;
    tokens[c.index] += c.logprobs?.tokens.length ?? 0;
  }
  assert.deepEqual(texts, whole.choices.map((c) => c.text));
  assert.deepEqual(ends, whole.choices.map((c) => c.finish_reason));
  assert.deepEqual(tokens, whole.choices.map((c) => c.logprobs.tokens.length));
  for (const stream_options of [undefined, {}, { include_usage: false }])
    for (const chunk of await collected(await client.completions.create({ ...ask, stream: true, stream_options })))
      assert.ok(!("usage" in chunk));
});

test("stop texts, seeds and the best of several", async () => {
  const ask = { model: "plain", prompt: "the cat", max_tokens: 60 };
  ask.seed = await seedOf(async (seed) => (await client.completions.create({ ...ask, seed })).choices[0].text);
  const free = (await client.completions.create(ask)).choices[0];
  const again = (await client.completions.create(ask)).choices[0];
  const other = (await client.completions.create({ ...ask, seed: ask.seed + 1 })).choices[0];
  assert.equal(again.text, free.text);
  assert.notEqual(other.text, free.text);
  const stop = [...free.text].slice(10, 14).join("");
  const at = free.text.indexOf(stop);
  for (const stops of [stop, [stop], ["never there", stop]]) {
    const stopped = (await client.completions.create({ ...ask, stop: stops })).choices[0];
    assert.equal(stopped.text, free.text.slice(0, at));
    assert.equal(stopped.finish_reason, "stop");
  }
  const unseeded = await Promise.all([1, 2, 3].map(() => client.completions.create({ ...ask, seed: undefined })));
  assert.ok(new Set(unseeded.map((a) => a.choices[0].text)).size > 1);
  const best = await client.completions.create({ ...ask, max_tokens: 8, n: 1, best_of: 6, logprobs: 0 });
  const all = await client.completions.create({ ...ask, max_tokens: 8, n: 6, logprobs: 0 });
  const mean = (c) => c.logprobs.token_logprobs.reduce((a, b) => a + b, 0) / c.logprobs.token_logprobs.length;
  assert.equal(best.choices[0].text, all.choices.reduce((a, b) => (mean(b) > mean(a) ? b : a)).text);
  assert.equal(best.usage.completion_tokens, all.usage.completion_tokens);
  await assert.rejects(client.completions.create({ ...ask, best_of: 3, stream: true }), OpenAI.BadRequestError);
});

test("a chat with all roles", async () => {
  const answer = await client.chat.completions.create({
    model: "talk",
    messages: [
      { role: "system", content: "be short" },
      { role: "user", content: "say 5" },
      { role: "assistant", content: "well: cat 5" },
      { role: "user", content: [{ type: "text", text: "say " }, { type: "text", text: "6" }] },
    ],
    max_completion_tokens: 12, seed: 1, logprobs: true, top_logprobs: 4,
  });
  assert.equal(answer.object, "chat.completion");
  assert.match(answer.id, /^chatcmpl-/);
  const [choice] = answer.choices;
  assert.equal(choice.message.role, "assistant");
  assert.equal(choice.message.refusal, null);
  assert.equal(typeof choice.message.content, "string");
  assert.ok(["stop", "length"].includes(choice.finish_reason));
  assert.ok(answer.usage.completion_tokens <= 12);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  const { content, refusal } = choice.logprobs;
  assert.equal(refusal, null);
  for (const token of content) {
    assert.equal(token.top_logprobs.length, 4);
    assert.ok(token.top_logprobs.every((t, i, all) => i === 0 || t.logprob <= all[i - 1].logprob));
    assert.ok(token.logprob <= token.top_logprobs[0].logprob);
  }
  const bytes = content.filter((t) => t.bytes).flatMap((t) => t.bytes);
  assert.equal(new TextDecoder().decode(new Uint8Array(bytes)), choice.message.content);
  const developer = (role) => client.chat.completions.create({ model: "talk", messages: [{ role, content: "be short" }, { role: "user", content: "say 5" }], temperature: 0, max_tokens: 8 });
  assert.deepEqual((await developer("developer")).choices, (await developer("system")).choices);
});

test("a streamed chat, choice by choice", async () => {
  const ask = { model: "talk", messages: [{ role: "user", content: "say 5" }], n: 4, max_tokens: 30, seed: 3, logprobs: true, top_logprobs: 1 };
  const whole = await client.chat.completions.create(ask);
  assert.ok(new Set(whole.choices.map((c) => c.message.content)).size > 1);
  // The helper has rules of its own on roles, indices and the ends of choices.
  const stream = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
  const deltas = ["", "", "", ""];
  stream.on("chunk", (chunk) => chunk.choices.forEach((c) => (deltas[c.index] += c.delta.content ?? "")));
  const final = await stream.finalChatCompletion();
  assert.deepEqual(final.choices.map((c) => c.message.content ?? ""), whole.choices.map((c) => c.message.content));
  assert.deepEqual(final.choices.map((c) => c.finish_reason), whole.choices.map((c) => c.finish_reason));
  assert.deepEqual(final.choices.map((c) => c.logprobs.content), whole.choices.map((c) => c.logprobs.content));
  assert.deepEqual(deltas, whole.choices.map((c) => c.message.content));
  assert.deepEqual(await stream.totalUsage(), whole.usage);
});

const calculator = {
  type: "function",
  function: {
    name: "calculator",
    description: "Computes an expression",
    parameters: { type: "object", properties: { expression: { type: "string" } }, required: ["expression"], additionalProperties: false },
  },
};

test("the model calls the calculator and reads its result", async (t) => {
  const ask = { model: "chat", messages: [{ role: "user", content: "use the tool : what is 9 7 4 + 1 4 1 ?" }], tools: [calculator], max_tokens: 40 };
  // It is too small to write every call to its end: one of the first seeds does.
  const many = await client.chat.completions.create({ ...ask, n: 64, seed: 1, tool_choice: "auto" });
  const called = many.choices.filter((c) => c.finish_reason === "tool_calls");
  t.diagnostic(`${called.length} of 64 answers are calls`);
  assert.ok(called.length > 0, "no answer is a call");
  const { index, message } = called[0];
  assert.equal(message.content, null);
  assert.equal(message.tool_calls.length, 1);
  const [call] = message.tool_calls;
  assert.equal(call.type, "function");
  assert.equal(call.function.name, "calculator");
  assert.match(JSON.parse(call.function.arguments).expression, /\S/);
  assert.equal(new Set(called.map((c) => c.message.tool_calls[0].id)).size, called.length);
  // The same choice alone, streamed: choice k of a seed is the first of the seed k later.
  const stream = client.chat.completions.stream({ ...ask, seed: 1 + index });
  const streamed = (await stream.finalChatCompletion()).choices[0];
  assert.equal(streamed.finish_reason, "tool_calls");
  assert.equal(streamed.message.tool_calls[0].function.arguments, call.function.arguments);
  // The result goes back, and the model goes on behind it.
  const after = await client.chat.completions.create({
    ...ask, seed: 1,
    messages: [...ask.messages, message, { role: "tool", tool_call_id: call.id, content: "1 1 1 5" }],
  });
  assert.ok(after.usage.prompt_tokens > many.usage.prompt_tokens);
  // The loop of the client does all of it.
  let computed = 0;
  const runner = client.chat.completions.runTools({
    ...ask, seed: 1 + index,
    tools: [{ type: "function", function: { ...calculator.function, parse: JSON.parse, function: () => (++computed, "1 1 1 5") } }],
  }, { maxChatCompletions: 2 });
  await runner.done().catch((error) => assert.match(error.message, /missing final|tool_calls|ended/i));
  assert.ok(computed >= 1);
  const without = await client.chat.completions.create({ ...ask, n: 8, seed: 1, tool_choice: "none" });
  assert.ok(without.choices.every((c) => !c.message.tool_calls));
  for (const wrong of [{ tool_choice: "required" }, { tool_choice: { type: "function", function: { name: "calculator" } } }])
    await assert.rejects(client.chat.completions.create({ ...ask, ...wrong }), OpenAI.BadRequestError);
  await assert.rejects(client.chat.completions.create({ ...ask, model: "talk" }), { status: 400, param: "tools" });
});

test("a tool whose argument may be null, as schemas say it, is no fault of the server", async () => {
  const tool = (type) => ({ type: "function", function: { name: "f", parameters: { type: "object", properties: { x: { type } } } } });
  const ask = (tools) => client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "hello" }], tools, max_tokens: 4 });
  await ask([tool(["string", "null"])]);
  await ask([tool(["number", "string"]), calculator]);
  await assert.rejects(ask([tool(["number", "null"])]), { status: 400, param: "tools" });
  await assert.rejects(ask([tool(7)]), { status: 400, param: "tools" });
  await assert.rejects(ask([{ type: "function", function: {} }]), { status: 400, param: "tools" });
  await assert.rejects(ask([{ type: "function", function: { name: 5 } }]), { status: 400, param: "tools[0].function.name" });
  await assert.rejects(ask([{ type: "function" }]), { status: 400, param: "tools" });
});

// An answer of "prattler" that takes a second or more: nothing ends it before its length.
const endless = { logit_bias: { [(await server.tokens("prattler", "<|endoftext|>"))[0]]: -100 } };
for (const special of ["<|system|>", "<|user|>", "<|assistant|>", "<|endofturn|>"])
  endless.logit_bias[(await server.tokens("prattler", special))[0]] = -100;

test("whoever leaves a stream frees its work", async () => {
  const before = await server.metric("engine_generated_tokens_total");
  const stream = await client.completions.create({ model: "prattler", prompt: "the", n: 16, max_tokens: 1000, stream: true, ...endless });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 20) break;
  await server.idle("a stream that was left");
  assert.ok((await server.metric("engine_generated_tokens_total")) - before < 8000);

  const chat = await client.chat.completions.create({ model: "prattler", messages: [{ role: "user", content: "the" }], n: 16, max_tokens: 900, stream: true, ...endless });
  for await (const _ of chat) {
    chat.controller.abort();
    break;
  }
  await server.idle("a chat that was aborted");

  const controller = new AbortController();
  const waiting = client.completions.create({ model: "prattler", prompt: "the", n: 16, max_tokens: 1000, ...endless }, { signal: controller.signal });
  setTimeout(() => controller.abort(), 150);
  await assert.rejects(waiting, OpenAI.APIUserAbortError);
  await server.idle("an answer that was not streamed");
  assert.ok((await server.metric("requests_cancelled_total")) >= 3);
});

test("errors have their class, code and parameter", async () => {
  const fails = (promise, type, wanted) => assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, String(error));
    for (const [key, value] of Object.entries(wanted)) assert.equal(error[key], value, `${key}: ${error.message}`);
    assert.ok(error.requestID, "no x-request-id");
    return true;
  });
  const messages = [{ role: "user", content: "hello" }];
  for (const stream of [false, true]) {
    await fails(client.chat.completions.create({ model: "gpt-4", messages, stream }), OpenAI.NotFoundError,
      { status: 404, code: "model_not_found", param: "model", type: "invalid_request_error" });
    await fails(client.completions.create({ model: "plain", prompt: "the cat ".repeat(200), stream }), OpenAI.BadRequestError,
      { status: 400, code: "context_length_exceeded", param: "prompt" });
    await fails(client.chat.completions.create({ model: "talk", messages, max_tokens: 5000, stream }), OpenAI.BadRequestError,
      { status: 400, code: "context_length_exceeded", param: "messages" });
    await fails(client.chat.completions.create({ model: "plain", messages, stream }), OpenAI.BadRequestError, { status: 400, param: "model" });
  }
  await fails(client.chat.completions.create({ model: "talk", messages, temperature: 3 }), OpenAI.BadRequestError, { param: "temperature" });
  await fails(client.chat.completions.create({ model: "talk", messages, n: 0 }), OpenAI.BadRequestError, { param: "n" });
  await fails(client.chat.completions.create({ model: "talk", messages: [] }), OpenAI.BadRequestError, { param: "messages" });
  await fails(client.chat.completions.create({ model: "talk", messages, top_logprobs: 2 }), OpenAI.BadRequestError, { param: "top_logprobs" });
  await fails(client.chat.completions.create({ model: "talk", messages, response_format: { type: "json_object" } }), OpenAI.BadRequestError, { param: "response_format" });
  await fails(client.completions.create({ model: "plain", prompt: "the", suffix: "end" }), OpenAI.BadRequestError, { param: "suffix" });
  await fails(client.embeddings.create({ model: "plain", input: "the" }), OpenAI.NotFoundError, { status: 404 });
  await fails(client.responses.create({ model: "plain", input: "the" }), OpenAI.NotFoundError, { status: 404 });
});

test("keys, and a full queue that is tried again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lineage-keys-"));
  writeFileSync(join(folder, "keys"), "# of this test\nfirst%42key\n\nsecond\n");
  const guarded = await Server.start([trees.letters], ["--api-key-file", join(folder, "keys"), "--slots", "1", "--max-waiting", "1"]);
  rmSync(folder, { recursive: true });
  const as = (apiKey, maxRetries = 0) => new OpenAI({ apiKey, baseURL: guarded.baseURL, maxRetries });
  for (const key of ["first%42key", "second"]) assert.equal((await as(key).models.list()).data.length, 4);
  for (const key of ["wrong", "second2", "firstBkey", "# of this test"])
    await assert.rejects(as(key).models.list(), (e) => e instanceof OpenAI.AuthenticationError && e.status === 401 && e.code === "invalid_api_key");
  const without = await guarded.get("/v1/models");
  assert.equal(without.status, 401);
  assert.equal(without.headers.get("www-authenticate"), "Bearer");
  assert.equal((await guarded.get("/health")).status, 200);

  const long = { model: "prattler", prompt: "the", max_tokens: 1000, stream: true, ...endless };
  const controllers = [new AbortController(), new AbortController()];
  const running = await as("second").completions.create(long, { signal: controllers[0].signal });
  const queued = as("second").completions.create(long, { signal: controllers[1].signal }).catch((e) => e);
  for (let i = 0; ; ++i) {  // metrics want a key, too
    const { text } = await guarded.get("/metrics", { Authorization: "Bearer second" });
    if (/^lineage_num_requests_waiting 1$/m.test(text)) break;
    assert.ok(i < 500, text);
    await sleep(2);
  }
  const short = { model: "plain", prompt: "the", max_tokens: 2 };
  await assert.rejects(as("second").completions.create(short), (e) => e instanceof OpenAI.RateLimitError && e.type === "rate_limit_error" && e.headers.get("retry-after") === "1");
  // More than can ever wait is no reason to try again.
  await assert.rejects(as("second").completions.create({ ...short, n: 2 }), { status: 400, param: "n" });
  const patient = as("second", 2).completions.create(short);
  await sleep(50);
  controllers.forEach((c) => c.abort());
  running.controller.abort();
  assert.equal((await patient).usage.completion_tokens, 2);
  assert.ok((await queued) instanceof OpenAI.APIUserAbortError);
  await guarded.end();
});

test("the server ends", () => server.endLast());
