// Grows the models that the clients talk with: `words` of the micro-world, one of whose models calls
// a calculator, and `letters` of byte-level BPE, whose tokens cut characters into parts. A node that
// is there is not grown again.
//   node grow.mjs LINEAGE FOLDER
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [lineage, folder] = process.argv.slice(2);

// Half of its steps go to demonstrations of the tool, so that it calls it, if seldom rightly.
const words = `
seed = 5
[tokenizer]
kind = "world"
[world]
seed = 7
persons = 0.02
[corpora.text]
tokens = 600_000
heldout_tokens = 5_000
[demonstrations.tools]
families = ["tool_call"]
types = 256
examples = 1_500
heldout = 20
[model]
layers = 2
width = 48
heads = 3
context = 128
[pretrain]
tokens = 200_000
batch_tokens = 1024
[pretrain.optimizer]
lr = 4e-3
[sft]
epochs = 4
batch_tokens = 1024
[sft.optimizer]
lr = 4e-3
[nodes.davinci]
stage = "pretrain"
[nodes.chat]
stage = "sft"
parents = ["davinci"]
`;

// "slow", and "prattler" of it, are as large as it takes for an answer of a second or more, which a
// client can leave; what they say does not matter.
const letters = `
seed = 3
[tokenizer]
vocab = 320
[model]
layers = 2
width = 32
heads = 2
context = 192
[sources.sentences]
paths = ["sentences"]
heldout = 0.1
[pretrain]
tokens = 100_000
batch_tokens = 384
[pretrain.optimizer]
lr = 3e-3
[conversations.chat]
paths = ["chat.jsonl"]
heldout = 0.2
[sft]
epochs = 4
batch_tokens = 384
[sft.optimizer]
lr = 3e-3
[nodes.plain]
stage = "pretrain"
[nodes.talk]
stage = "sft"
parents = ["plain"]
[nodes.slow]
stage = "pretrain"
[nodes.slow.model]
layers = 4
width = 192
heads = 4
context = 1024
[nodes.slow.pretrain]
tokens = 4_096
batch_tokens = 1_024
[nodes.prattler]
stage = "sft"
parents = ["slow"]
[nodes.prattler.sft]
epochs = 1
batch_tokens = 1_024
`;

const vocabulary = ["the", "a", "cat", "dog", "sees", "likes", "café", "naïve", "red", "old", "🙂", "🎉",
  "fish", "and", "Äpfel", "日本", "rain"];
// A generator of our own, so that the texts are the same everywhere.
let state = 1;
const below = (n) => {
  state = (state * 1103515245 + 12345) % 2147483648;
  return Math.floor(state / 65536) % n;
};
const sentence = () => Array.from({ length: 7 }, () => vocabulary[below(vocabulary.length)]).join(" ") + ".\n";

mkdirSync(join(folder, "sentences"), { recursive: true });
for (let i = 0; i < 40; ++i)
  writeFileSync(join(folder, "sentences", `${i}.txt`), Array.from({ length: 40 }, sentence).join(""));
const chat = Array.from({ length: 120 }, (_, i) =>
  JSON.stringify({ instruction: `say ${i % 60}`, input: "", output: `well: ${vocabulary[i % vocabulary.length]} ${i % 7}` }));
writeFileSync(join(folder, "chat.jsonl"), chat.join("\n") + "\n");
for (const [name, recipe] of Object.entries({ words, letters })) {
  writeFileSync(join(folder, `${name}.toml`), recipe);
  execFileSync(lineage, ["grow", join(folder, `${name}.toml`), "--no-eval", "--out", join(folder, name)],
    { stdio: ["ignore", "inherit", "inherit"] });
}
