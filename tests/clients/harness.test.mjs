// lm-evaluation-harness's requests and its way of reading the answers (its model types
// local-completions, local-chat-completions and gguf), written anew. Log-probabilities are compared
// with `lineage score`, batches with single requests.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lineage, Server, trees } from "./server.mjs";

// Of one model, over one server, as `--model local-completions --model_args model=M,base_url=…`.
class LocalCompletions {
  constructor(server, model, maxLength) {
    Object.assign(this, { server, model, maxLength });
  }

  // The tokenizer "remote", which the harness takes where these two endpoints answer.
  async connect() {
    const auth = { Authorization: "Bearer " };  // as it sends without a key
    const info = await this.server.get("/tokenizer_info", auth);
    assert.equal(info.status, 200, info.text);
    assert.ok("eos_token" in info.json);
    const probe = await this.server.ok("/tokenize", { prompt: "test", add_special_tokens: false });
    assert.ok(Array.isArray(probe.tokens) && probe.tokens.every(Number.isInteger));
    this.eosText = info.json.eos_token;
    this.template = info.json.chat_template;
    this.eos = (await this.encode(this.eosText))[0];
    return this;
  }
  async encode(text) {
    return (await this.server.ok("/tokenize", { prompt: text, add_special_tokens: false })).tokens;
  }
  async decode(tokens) {
    return (await this.server.ok("/detokenize", { tokens })).prompt;
  }

  // A context and a continuation as ids, with blanks at the context's end moved over.
  async pair(context, continuation) {
    if (context === "") return { context: [this.eos], continuation: await this.encode(continuation) };
    const blanks = context.length - context.trimEnd().length;
    if (blanks > 0) {
      continuation = context.slice(-blanks) + continuation;
      context = context.slice(0, -blanks);
    }
    const whole = await this.encode(context + continuation), head = await this.encode(context);
    return { context: whole.slice(0, head.length), continuation: whole.slice(head.length) };
  }

  async ask(prompt, more) {
    const body = { model: this.model, prompt, seed: 1234, temperature: 0, ...more };
    return this.server.ok("/v1/completions", body, { headers: { Authorization: "Bearer " } });
  }

  // [{sum, greedy, of: the numbers themselves}] of some pairs, `batch` a request, `most` at once.
  async loglikelihoods(pairs, batch, most, asText = false) {
    // The longest first, as the harness sorts them: so a batch has prompts of other lengths.
    const order = pairs.map((_, i) => i).sort((a, b) => size(pairs[b]) - size(pairs[a]));
    const batches = [];
    for (let i = 0; i < order.length; i += batch) batches.push(order.slice(i, i + batch));
    const results = [];
    const one = async (indices) => {
      const prompts = await Promise.all(indices.map(async (i) => {
        const ids = [...pairs[i].context, ...pairs[i].continuation];
        assert.ok(ids.length <= this.maxLength - 1);
        return asText ? this.decode(ids) : ids;
      }));
      const answer = await this.ask(asText && batch === 1 ? prompts[0] : prompts, { max_tokens: 1, logprobs: 1, echo: true });
      const choices = answer.choices.sort((a, b) => a.index - b.index);
      assert.equal(choices.length, indices.length);
      choices.forEach((choice, k) => {
        const from = pairs[indices[k]].context.length;
        const values = choice.logprobs.token_logprobs.slice(from, -1);
        const tokens = choice.logprobs.tokens.slice(from, -1);
        const tops = choice.logprobs.top_logprobs.slice(from, -1);
        results[indices[k]] = {
          sum: values.reduce((a, b) => a + b, 0),
          greedy: tops.every((top, t) => choice.logprobs.token_logprobs[from + t] === Math.max(...Object.values(top))),
          count: values.length,
          of: JSON.stringify({ values, tokens, tops }),
        };
      });
    };
    for (let i = 0; i < batches.length; i += most) await Promise.all(batches.slice(i, i + most).map(one));
    return results;
  }

  async generate(contexts, { until, maxTokens }) {
    const prompts = await Promise.all(contexts.map((c) => this.encode(c)));
    const answer = await this.ask(prompts, { max_tokens: maxTokens, stop: until });
    const texts = [];
    for (const choice of answer.choices) texts[choice.index] = choice.text;
    return texts;
  }
}
const size = (pair) => pair.context.length + pair.continuation.length;

const folder = mkdtempSync(join(tmpdir(), "lineage-harness-"));
process.once("exit", () => rmSync(folder, { recursive: true }));
let written = 0;
function lineageScore(tree, model, text, overlap) {
  const file = join(folder, `${++written}.txt`);
  writeFileSync(file, text);
  const out = execFileSync(lineage, ["score", join(trees[tree], "trees", tree, model), file, "--json", "--overlap", String(overlap)],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(out);
}

const texts = {
  words: [
    "marta has 3 beans .",
    "ted has 5 beans . sena has 3 more than ted . how many does sena have ?",
    "the lamp is in the chest . the candle is in the bucket . bob swapped the fork and the candle . where is the lamp ?",
    "what is 9 7 4 + 1 4 1 ?",
  ],
  letters: [
    "the cat sees a dog.\n",
    "a café 🙂 likes the naïve Äpfel",
    "日本 and rain 🎉 🎉 fish",
    "words that were never seen: Ω ≠ 👩‍🚀, zebra",
  ],
};
// Multiple choice: a context and what may follow; and ends of texts after a blank.
const questions = {
  words: texts.words.flatMap((text) => [" yes", " no", " 8", " chest ."].map((end) => [text, end])),
  letters: texts.letters.flatMap((text) => [" the", " 🙂", " é", " zebra dogs"].map((end) => [`${text} `, end])),
};

const near = 1e-6;  // nats a token
for (const [tree, model, context] of [["words", "davinci", 128], ["letters", "plain", 192]]) {
  const server = await Server.start([trees[tree]], ["--default-model", model]);
  const harness = await new LocalCompletions(server, model, context).connect();

  test(`${model}: the tokenizer's endpoints`, async () => {
    assert.deepEqual(await harness.encode(harness.eosText), [harness.eos]);
    for (const text of texts[tree]) {
      const ids = await harness.encode(text);
      assert.equal(await harness.decode(ids), text);
      assert.ok(!ids.includes(harness.eos));
    }
    assert.match(harness.template, /add_generation_prompt/);
    // One connection for all calls, two a document.
    const accepted = await server.metric("http_connections_total");
    for (let i = 0; i < 50; ++i) await harness.encode("the cat");
    assert.ok((await server.metric("http_connections_total")) - accepted <= 2, "connections are not kept");
  });

  test(`${model}: sums of log-probabilities are those of lineage score`, async (t) => {
    let furthest = 0;
    for (const text of texts[tree]) {
      const [got] = await harness.loglikelihoods([await harness.pair("", text)], 1, 1);
      const score = lineageScore(tree, model, text, 1);
      assert.equal(got.count, score.tokens);
      furthest = Math.max(furthest, Math.abs(got.sum / got.count + score.nats_per_token));
    }
    // A text of several windows, each of the whole context, as lineage score cuts them.
    const long = Array(40).fill(texts[tree][0].trim()).join(" ") + " " + texts[tree][1];
    const ids = [harness.eos, ...(await harness.encode(long))];
    for (const overlap of [1, 40]) {
      let sum = 0;
      for (let done = 1; done < ids.length;) {
        const first = done === 1 ? 0 : done - overlap, end = Math.min(ids.length, first + context);
        const answer = await harness.ask([ids.slice(first, end)], { max_tokens: 0, logprobs: 1, echo: true });
        for (const value of answer.choices[0].logprobs.token_logprobs.slice(done - first)) sum += value;
        done = end;
      }
      const score = lineageScore(tree, model, long, overlap);
      assert.equal(score.tokens, ids.length - 1);
      furthest = Math.max(furthest, Math.abs(sum / score.tokens + score.nats_per_token));
    }
    t.diagnostic(`largest difference: ${furthest.toExponential(2)} nats a token`);
    assert.ok(furthest <= near, `${furthest} nats a token`);
  });

  test(`${model}: batches of 1, 4 and 8, side by side, give the same numbers`, async () => {
    const pairs = [];
    for (const [before, after] of questions[tree]) pairs.push(await harness.pair(before, after));
    for (const text of texts[tree]) pairs.push(await harness.pair("", text));
    // The longest that the harness sends: the context without the token to be generated.
    const filler = Array(200).fill(pairs[0].context).flat().slice(0, context - 3);
    pairs.push({ context: filler, continuation: pairs[0].continuation.slice(0, 1) });
    pairs.push({ context: filler.slice(0, 70), continuation: filler.slice(70) });
    const [alone, ...others] = await Promise.all([
      harness.loglikelihoods(pairs, 1, 1),
      harness.loglikelihoods(pairs, 1, 8),
      harness.loglikelihoods(pairs, 4, 8),
      harness.loglikelihoods(pairs, 8, 8),
    ]);
    const later = await harness.loglikelihoods(pairs, 1, 1);  // and with nobody beside them
    for (const other of [...others, later])
      pairs.forEach((pair, i) => {
        assert.equal(other[i].of, alone[i].of);
        assert.equal(other[i].sum, alone[i].sum);
        assert.equal(other[i].greedy, alone[i].greedy);
      });
    assert.ok(alone.every((r, i) => r.count === pairs[i].continuation.length && r.sum < 0));
  });

  test(`${model}: prompts as text give what their ids give`, async () => {
    const pairs = [];
    for (const [before, after] of questions[tree]) pairs.push(await harness.pair(before, after));
    // Only those whose text is read as the same ids.
    const same = [];
    for (const pair of pairs) {
      const ids = [...pair.context, ...pair.continuation];
      if (JSON.stringify(await harness.encode(await harness.decode(ids))) === JSON.stringify(ids)) same.push(pair);
    }
    assert.ok(same.length >= pairs.length / 2);
    const byIds = await harness.loglikelihoods(same, 4, 4);
    for (const batch of [1, 4]) {
      const byText = await harness.loglikelihoods(same, batch, 4, true);
      assert.deepEqual(byText.map((r) => r.of), byIds.map((r) => r.of));
    }
  });

  test(`${model}: a greedy continuation is told from others`, async () => {
    // One whose text is read as the ids that were drawn.
    let before, after = [];
    for (const text of texts[tree])
      for (let length = 6; length > 0 && after.length === 0; --length) {
        before = await harness.encode(text);
        const answer = await harness.ask([before], { max_tokens: length, logprobs: 1 });
        const ids = await harness.encode(answer.choices[0].text);
        const pieces = await Promise.all(ids.map((id) => harness.decode([id])));
        const drawn = answer.choices[0].logprobs.tokens.map((token) => (tree === "words" ? token.trim() : token));
        if (JSON.stringify(pieces) === JSON.stringify(drawn)) after = ids;
      }
    assert.ok(after.length > 0, "no greedy continuation can be read back");
    const wrong = [...after.slice(0, -1), after.at(-1) === before[0] ? before[1] : before[0]];
    const [right, other] = await harness.loglikelihoods(
      [{ context: before, continuation: after }, { context: before, continuation: wrong }], 2, 1);
    assert.equal(right.greedy, true);
    assert.equal(other.greedy, false);
    assert.ok(other.sum < right.sum);
  });

  test(`${model}: too long a prompt is refused, not cut`, async () => {
    const ids = Array(context).fill(harness.eos);
    const tooLong = await server.post("/v1/completions", { model, prompt: [ids], max_tokens: 1, logprobs: 1, echo: true, temperature: 0 });
    assert.equal(tooLong.status, 400);
    assert.equal(tooLong.json.error.code, "context_length_exceeded");
    const whole = await harness.ask([ids.slice(1)], { max_tokens: 1, logprobs: 1, echo: true });
    assert.equal(whole.choices[0].logprobs.token_logprobs.length, context);
  });

  test(`${model}: generate_until`, async () => {
    const contexts = questions[tree].slice(0, 8).map(([before]) => before);
    const until = [harness.eosText, "\n", "###", "Q:", ".", "!"];
    const together = await harness.generate(contexts, { until, maxTokens: 24 });
    const alone = [];
    for (const c of contexts) alone.push(...(await harness.generate([c], { until, maxTokens: 24 })));
    assert.deepEqual(together, alone);
    assert.ok(together.every((text) => !until.some((stop) => text.includes(stop))));
    const free = await harness.generate(contexts, { until: [], maxTokens: 24 });  // the asynchronous path
    free.forEach((text, i) => assert.ok(text.startsWith(together[i]), `${text} and ${together[i]}`));
    // Arguments of a task that this server does not know.
    await harness.ask(["the cat"], { max_tokens: 2, stop: [], do_sample: false, min_p: 0.1 });
  });

  test(`${model}: the gguf backend: no model, ten alternatives, offsets in characters`, async () => {
    for (const [before, after] of questions[tree]) {
      const prompt = before.trimEnd() + after;
      const { choices } = await server.ok("/v1/completions", { prompt, logprobs: 10, temperature: 0, max_tokens: 1, echo: true });
      const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0].logprobs;
      assert.equal(text_offset[0], 0);
      let at = text_offset.findIndex((offset) => offset >= [...before.trimEnd()].length);
      let sum = 0, greedy = true;
      for (; at < tokens.length - 1; ++at) {
        sum += token_logprobs[at];
        const best = Object.entries(top_logprobs[at]).reduce((a, b) => (b[1] > a[1] ? b : a))[0];
        if (best !== tokens[at]) greedy = false;
        assert.ok(Object.keys(top_logprobs[at]).length >= 10);
      }
      assert.ok(sum < 0 && Number.isFinite(sum) && typeof greedy === "boolean");
    }
  });

  test(`${model}: local-chat-completions`, async () => {
    const ask = (stop, messages) => server.ok("/v1/chat/completions",
      { messages, model: tree === "words" ? "chat" : "talk", max_tokens: 16, temperature: 0, stop, seed: 1234 },
      { headers: { Authorization: "Bearer " } });
    const content = tree === "words" ? "what is 9 7 4 + 1 4 1 ?" : "say 5";
    const plain = await ask([], [{ role: "user", content }]);
    assert.deepEqual(plain.choices.map((c) => c.index), [0]);
    const typed = await ask(["\n\n"], [{ role: "user", content, type: "text" }]);
    assert.equal(typed.choices[0].message.content, plain.choices[0].message.content);
  });

  test(`${model}: the chat template is what the server's own conversations are read as`, async () => {
    // Enough of Jinja for one turn: what stands around the user's text, and before the answer.
    const [, before, after] = /role'\] == 'user' %\}\{\{ '([^']+)' \+ message\['content'\] \+ '([^']+)'/.exec(harness.template);
    const [, opening] = /add_generation_prompt %\}\{\{ '([^']+)'/.exec(harness.template);
    for (const content of [texts[tree][0].trim(), texts[tree][3]]) {
      const rendered = await harness.encode(before + content + after + opening);
      const body = { model: tree === "words" ? "chat" : "talk", messages: [{ role: "user", content }] };
      assert.deepEqual((await server.ok("/tokenize", body)).tokens, rendered);
      assert.equal((await server.ok("/v1/chat/completions", { ...body, max_tokens: 1 })).usage.prompt_tokens, rendered.length);
    }
  });

  test(`${model}: the server ends`, () => server.end());
}
