#!/usr/bin/env python3
"""What the server's tool and documents give a model of the micro-world:
measure.py LINEAGE RUN --recipe FILE [--models ID ...] [--parts tool documents] [--n N]

Sums of A23 (use the tool with the call really run, answer only, explain then answer) and facts of
A24.closed (from memory; with lines looked up in the corpus that the models were trained on) are
put to a server of RUN over HTTP, at temperature 0. The items are those of RUN's scores.sqlite, so
nothing is tuned on them. The documents are the corpus's encyclopaedia, as `lineage world show`
writes it: one document a line, and one sentence a line. Printed are tables in Markdown with
intervals by bootstrap over items (2,000 draws, seed 1); a model's seeds share their items.

Besides the Python of the system it needs nothing.
"""
import argparse
import collections
import concurrent.futures
import http.client
import json
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading

DRAWS = 2000


def items_of(run, scenario, n):
    """[{question, answers, right, cell}]: the first n of a scenario, in order."""
    database = sqlite3.connect(f"file:{run}/scores.sqlite?mode=ro", uri=True)
    found = database.execute(
        "SELECT q.question, l.answers, q.correct, q.cell FROM questions q JOIN answer_lists l "
        "USING(answer_list) WHERE q.scenario = (SELECT scenario FROM scenarios WHERE name = ? "
        "ORDER BY n DESC LIMIT 1) ORDER BY q.position", (scenario,)).fetchall()
    if not found:
        raise SystemExit(f"{run}/scores.sqlite: no items of {scenario}; wanted a measured tree")
    made = [{"question": q, "answers": json.loads(a), "right": c or 0, "cell": cell}
            for q, a, c, cell in found]
    return made[:n] if n else made


def corpus(lineage, recipe):
    """The documents of the encyclopaedia, as lines of words."""
    shown = subprocess.run(
        [lineage, "world", "show", "encyclopaedia", "-n", "1000000", "--recipe", recipe,
         "--color", "never"], check=True, capture_output=True, text=True).stdout
    document = []
    for line in shown.splitlines():
        if re.match(r"encyclopaedia: document \d+ ", line) or not line.strip():
            if document:
                yield " ".join(document)
            document = []
        elif line.startswith("  "):
            document.append(re.sub(r"_([^_]*)_", r"\1", line).strip())
    if document:
        yield " ".join(document)


def write_documents(lineage, recipe, folder):
    """Two folders, and their numbers of lines."""
    whole, sentences = folder / "documents", folder / "sentences"
    counts = collections.Counter()
    for f in (whole, sentences):
        f.mkdir(parents=True)
    with open(whole / "encyclopaedia.txt", "w") as w, open(sentences / "encyclopaedia.txt", "w") as s:
        for document in corpus(lineage, recipe):
            text = re.sub(r"^<src:\w+> ", "", document)
            w.write(text + "\n")
            counts["documents"] += 1
            text = re.sub(r"^[a-z]+ [a-z]+ : ", "", text)
            for sentence in re.findall(r"[^.;]+ \.", text):
                s.write(sentence.strip() + "\n")
                counts["sentences"] += 1
    return {"documents": whole, "sentences": sentences}, counts


class Server:
    def __init__(self, lineage, run, documents=None):
        more = ["--documents", str(documents)] if documents else []
        self.process = subprocess.Popen(
            [lineage, "serve", run, "--port", "0", "--log", "off", *more],
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.match(r"open http://([\d.]+):(\d+)", line):
                self.address = (found[1], int(found[2]))
                break
        else:
            raise SystemExit("the server ended before it was ready")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.local = threading.local()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def chat(self, model, question, most, lineage=None):
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(*self.address, timeout=600)
        body = {"model": model, "temperature": 0, "max_tokens": most,
                "messages": [{"role": "user", "content": question}]}
        if lineage:
            body["lineage"] = lineage
        self.local.connection.request("POST", "/v1/chat/completions", json.dumps(body),
                                      {"Content-Type": "application/json"})
        answer = json.loads(self.local.connection.getresponse().read())
        if "error" in answer:
            raise SystemExit(f"{model}: {answer['error']['message']}")
        return answer

    def models(self):
        connection = http.client.HTTPConnection(*self.address)
        connection.request("GET", "/v1/models")
        return [m["id"] for m in json.loads(connection.getresponse().read())["data"]]

    def all(self, model, questions, most, lineage=None):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            return list(pool.map(lambda q: self.chat(model, q, most, lineage), questions))


def content(answer):
    return answer["choices"][0]["message"]["content"]


def names_only(text, item):
    """Whether the text names the right value and no other one of its kind."""
    words = f" {text} "
    named = [i for i, a in enumerate(item["answers"]) if f" {a} " in words]
    return float(named == [item["right"]])


def number_at_end(text):
    text = text.split("<ans>")[-1]
    found = re.findall(r"-?\d+", text)
    return int(found[-1]) if found else None


def value_of(question):
    a, sign, b = re.search(r"(\d+) ([+-]) (\d+)", question).groups()
    return int(a) + int(b) if sign == "+" else int(a) - int(b)


def interval(by_seed):
    """Mean over seeds and items, and 95 % by bootstrap over items, which the seeds share."""
    items = [sum(scores) / len(scores) for scores in zip(*by_seed)]
    draw = random.Random(1)
    means = sorted(sum(draw.choices(items, k=len(items))) / len(items) for _ in range(DRAWS))
    return sum(items) / len(items), means[DRAWS // 40], means[-DRAWS // 40 - 1]


def shown(by_seed):
    mean, low, high = (f"{x:.2f}".replace("0.", ".") for x in interval(by_seed))
    return f"{mean} [{low}, {high}]"


def by_node(models):
    """Node -> the ids of its seeds."""
    nodes = collections.defaultdict(list)
    for m in models:
        nodes[m.split("/")[-1]].append(m)
    return nodes


def measure_tool(server, nodes, run, n):
    items = items_of(run, "A23.sum.tool", n)
    sums = [re.search(r"what is .*", i["question"])[0] for i in items]
    cells = list(dict.fromkeys(i["cell"] for i in items))
    print(f"\nSums of 3 to 6 digits (A23), n = {len(sums)}:\n")
    print("| model | seeds | answer only | explain then answer | the tool | calls that ran | "
          "calls of the right sum | right, of these | " + " | ".join(f"the tool, {c}" for c in cells) +
          " |\n" + "| --- " * (8 + len(cells)) + "|")
    for node, ids in nodes.items():
        rows = collections.defaultdict(list)
        for model in ids:
            for how in ("answer only", "explain then answer"):
                answers = server.all(model, [f"{how} : {s}" for s in sums], 60)
                rows[how].append([float(number_at_end(content(a)) == value_of(s))
                                  for a, s in zip(answers, sums)])
            answers = server.all(model, [f"use the tool : {s}" for s in sums], 60, {"tools": True})
            right, ran, called, kept = [], [], [], []
            for a, s in zip(answers, sums):
                runs = a["lineage"]["tools"]
                right.append(float(number_at_end(content(a)) == value_of(s)))
                ran.append(float(bool(runs) and runs[-1]["error"] is None))
                called.append(float(bool(runs) and runs[0]["result"] == str(value_of(s))))
                if called[-1]:
                    kept.append(right[-1])
            rows["tool"].append(right)
            rows["ran"].append(ran)
            rows["called"].append(called)
            rows["kept"].append(kept)
        kept = [x for seed in rows["kept"] for x in seed]
        parts = [shown([[x for x, i in zip(s, items) if i["cell"] == cell] for s in rows["tool"]])
                 for cell in cells]
        print(f"| {node} | {len(ids)} | {shown(rows['answer only'])} | "
              f"{shown(rows['explain then answer'])} | {shown(rows['tool'])} | {shown(rows['ran'])} | "
              f"{shown(rows['called'])} | {int(sum(kept))} of {len(kept)} | " +
              " | ".join(parts) + " |", flush=True)


def measure_documents(args, nodes, folders):
    items = items_of(args.run, "A24.closed", args.n)
    questions = [i["question"] for i in items]
    cells = list(dict.fromkeys(i["cell"] for i in items))
    few = [i for i, item in enumerate(items) if item["cell"] in ("t2", "t8", "t32")]
    scores = collections.defaultdict(lambda: collections.defaultdict(list))
    hits = collections.defaultdict(dict)
    for kind, folder in folders.items():
        with Server(args.lineage, args.run, folder) as server:
            for node, ids in nodes.items():
                for model in ids:
                    if kind == "sentences":
                        answers = server.all(model, questions, 16)
                        scores[node]["from memory"].append(
                            [names_only(content(a), i) for a, i in zip(answers, items)])
                    for lines in args.lines:
                        answers = server.all(model, questions, 16, {"documents": lines})
                        name = f"{lines} of the {kind}"
                        scores[node][name].append(
                            [names_only(content(a), i) for a, i in zip(answers, items)])
                        read = [" ".join(s["text"] for s in a["lineage"]["sources"]) for a in answers]
                        hits[name] = [[float(f" {i['answers'][i['right']]} " in f" {t} ")
                                       for t, i in zip(read, items)]]
    print(f"\nFacts (A24.closed), n = {len(items)}; t2 to t32 are told 2 to 32 times:\n")
    print("| model | seeds | read | t2 to t32 | " + " | ".join(cells) + " |\n" +
          "| --- " * (4 + len(cells)) + "|")

    def row(node, seeds, name, by_seed):
        parts = [shown([[s[i] for i in few] for s in by_seed])]
        for cell in cells:
            parts.append(shown([[x for x, i in zip(s, items) if i["cell"] == cell] for s in by_seed]))
        print(f"| {node} | {seeds} | {name} | " + " | ".join(parts) + " |", flush=True)

    for node, ids in nodes.items():
        for name, by_seed in scores[node].items():
            row(node, len(ids), name, by_seed)
    for name, by_seed in hits.items():
        row("the lines have the answer", "", name, by_seed)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("lineage")
    p.add_argument("run")
    p.add_argument("--recipe", required=True, help="whose corpus the documents are")
    p.add_argument("--models", nargs="+", default=["gpt35-nano/text-davinci-002"])
    p.add_argument("--parts", nargs="+", default=["tool", "documents"], choices=["tool", "documents"])
    p.add_argument("--lines", type=int, nargs="+", default=[1, 4], help="how many are read")
    p.add_argument("--n", type=int, default=0, help="items of each kind; 0: all")
    args = p.parse_args()
    nodes = by_node(args.models)
    print(f"`{' '.join(sys.argv[1:])}`")
    if "tool" in args.parts:
        with Server(args.lineage, args.run) as server:
            measure_tool(server, nodes, args.run, args.n)
    if "documents" in args.parts:
        with tempfile.TemporaryDirectory() as folder:
            folders, counts = write_documents(args.lineage, args.recipe, pathlib.Path(folder))
            print(f"\nDocuments: {counts['documents']}, sentences: {counts['sentences']}")
            measure_documents(args, nodes, folders)


if __name__ == "__main__":
    main()
