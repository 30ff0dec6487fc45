// Vercel's AI SDK over @ai-sdk/openai-compatible.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { seedOf, Server, trees } from "./server.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;  // of parameters that the provider does not send
const server = await Server.start([trees.words, trees.letters], ["--slots", "16"]);
const provider = createOpenAICompatible({ name: "lineage", baseURL: server.baseURL, apiKey: "none", includeUsage: true });
const settings = { maxRetries: 0 };
settings.seed = await seedOf(async (seed) =>
  (await generateText({ ...settings, seed, model: provider.chatModel("talk"), prompt: "say 5", maxOutputTokens: 60, temperature: 1 })).text);

async function texts(stream) {
  let text = "";
  for await (const part of stream) text += part;
  return text;
}

test("generateText and streamText say the same for one seed", async () => {
  const ask = { ...settings, model: provider.chatModel("talk"), prompt: "say 5", maxOutputTokens: 60, temperature: 1 };
  const whole = await generateText(ask);
  assert.ok(["stop", "length"].includes(whole.finishReason));
  assert.equal(whole.usage.totalTokens, whole.usage.inputTokens + whole.usage.outputTokens);
  assert.ok(whole.usage.outputTokens > 0);
  assert.match(whole.response.id, /^chatcmpl-/);
  assert.equal(whole.response.modelId, "talk");
  const stream = streamText(ask);
  assert.equal(await texts(stream.textStream), whole.text);
  assert.equal(await stream.finishReason, whole.finishReason);
  const usage = await stream.usage;
  for (const key of ["inputTokens", "outputTokens", "totalTokens"]) assert.equal(usage[key], whole.usage[key]);
});

test("finishReason tells the end from the limit", async () => {
  const model = provider.chatModel("talk");
  const short = await generateText({ ...settings, model, prompt: "say 5", maxOutputTokens: 2, temperature: 0 });
  assert.equal(short.finishReason, "length");
  assert.equal(short.usage.outputTokens, 2);
  const long = await generateText({ ...settings, model, prompt: "say 5", maxOutputTokens: 60, temperature: 1 });
  const stop = [...long.text].slice(3, 6).join("");
  const stopped = await generateText({ ...settings, model, prompt: "say 5", maxOutputTokens: 60, temperature: 1, stopSequences: [stop] });
  assert.equal(stopped.finishReason, "stop");
  assert.equal(stopped.text, long.text.slice(0, long.text.indexOf(stop)));
});

test("a conversation with the assistant's turns", async () => {
  const answer = await generateText({
    ...settings, model: provider.chatModel("talk"), maxOutputTokens: 8,
    system: "be short",
    messages: [
      { role: "user", content: "say 5" },
      { role: "assistant", content: "well: cat 5" },
      { role: "user", content: [{ type: "text", text: "say 6" }] },
    ],
  });
  assert.ok(answer.usage.outputTokens <= 8);
});

test("the completion model, streamed and not", async () => {
  // It writes a conversation as text, and wants to stop at "\nuser:".
  const ask = { ...settings, model: provider.completionModel("plain"), prompt: "the cat", maxOutputTokens: 30, temperature: 1 };
  const whole = await generateText(ask);
  assert.ok(!whole.text.includes("\nuser:"));
  const stream = streamText(ask);
  assert.equal(await texts(stream.textStream), whole.text);
  assert.equal(await stream.finishReason, whole.finishReason);
  assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
  assert.ok(whole.usage.inputTokens > 0);
});

test("a tool is called, streamed too, and its result is read", async () => {
  const ask = {
    maxRetries: 0, model: provider.chatModel("chat"), prompt: "use the tool : what is 9 7 4 + 1 4 1 ?", maxOutputTokens: 40, temperature: 1,
    tools: {
      calculator: tool({
        description: "Computes an expression",
        inputSchema: jsonSchema({ type: "object", properties: { expression: { type: "string" } }, required: ["expression"], additionalProperties: false }),
        execute: async ({ expression }) => (assert.equal(typeof expression, "string"), "1 1 1 5"),
      }),
    },
  };
  // The model is too small to write every call to its end.
  let seed = 0, first;
  do first = await generateText({ ...ask, seed: ++seed });
  while (first.finishReason !== "tool-calls" && seed < 64);
  assert.equal(first.finishReason, "tool-calls");
  assert.equal(first.toolCalls[0].toolName, "calculator");
  const stream = streamText({ ...ask, seed });
  await stream.consumeStream();
  assert.equal(await stream.finishReason, "tool-calls");
  assert.deepEqual((await stream.toolCalls)[0].input, first.toolCalls[0].input);
  const two = await generateText({ ...ask, seed, stopWhen: stepCountIs(2) });
  assert.equal(two.steps.length, 2);
  assert.equal(two.steps[0].toolResults[0].output, "1 1 1 5");
});

test("an aborted stream frees its work", async () => {
  const controller = new AbortController();
  const stream = streamText({
    maxRetries: 0, model: provider.chatModel("prattler"), prompt: "the", maxOutputTokens: 1000, abortSignal: controller.signal, onError() {},
  });
  for await (const _ of stream.textStream) {
    controller.abort();
    break;
  }
  await server.idle("a stream of the AI SDK");
});

test("errors are calls that failed, not retried where that is in vain", async () => {
  const fails = (model, wanted) => assert.rejects(generateText({ ...settings, model, prompt: "the" }), (error) => {
    assert.ok(APICallError.isInstance(error), String(error));
    assert.equal(error.statusCode, wanted.status);
    assert.ok(error.message.includes(wanted.about), error.message);
    assert.equal(error.isRetryable, false);
    return true;
  });
  await fails(provider.chatModel("gpt-4"), { status: 404, about: "gpt-4" });
  await fails(provider.chatModel("plain"), { status: 400, about: "plain" });
  const errors = [];
  const stream = streamText({ ...settings, model: provider.completionModel("plain"), prompt: "the cat ".repeat(300), onError: ({ error }) => errors.push(error) });
  await stream.consumeStream();
  assert.equal(errors[0].statusCode, 400);
  assert.match(errors[0].message, /maximum context length/);
});

test("the server ends", () => server.endLast());
