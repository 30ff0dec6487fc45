#!/usr/bin/env python3
"""Lineage beside its peers, in one run, taking turns so that both meet the same machine.

    bench/peers/compare.py train  --lineage build/release/src/lineage/cli/lineage
    bench/peers/compare.py decode --lineage ... --llama2c ~/llama2.c/run.c

`train` runs `lineage bench train` and pytorch_gpt2.py (its header says what must be installed);
`decode` runs `lineage bench decode` and llama2.c's run.c, compiled with gcc -Ofast -fopenmp
-march=native on random models of the same shapes (llama2c_checkpoint.py), at temperature 0.

Each round runs both sides, the other one first in every second round. The table shows the median
over rounds and, in brackets, the lowest and highest; the ratio is taken within a round. --prefix
goes before each command of both sides, as in --prefix "nice -n -15" on a machine with other work.
"""
import argparse
import json
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CONFIGS = ["tiny", "small", "gpt2"]
DECODED = 256  # tokens in one run of llama2.c: its whole context


def output_of(command, env=None):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(command)}: exit status {done.returncode}\n{done.stderr}")
    return done


class Lineage:
    def __init__(self, options):
        self.name, self.options = "lineage", options
        self.rate = {"train": "tokens_per_s", "decode": "single_tokens_per_s"}[options.bench]

    def measure(self, config):
        command = [*self.options.prefix, self.options.lineage, "bench", self.options.bench,
                   "--config", config, "--seconds", str(self.options.seconds), "--json"]
        result = json.loads(output_of(command).stdout)
        return {**result, "rate": result[self.rate]}


class PyTorch:
    name = "pytorch"

    def __init__(self, options):
        self.options = options

    def measure(self, config):
        command = [*self.options.prefix, self.options.python, str(HERE / "pytorch_gpt2.py"),
                   "--config", config, "--seconds", str(self.options.seconds)]
        result = json.loads(output_of(command).stdout)
        return {**result, "rate": result["tokens_per_s"], "peak_gflops": result["sgemm_gflops"]}


class Llama2c:
    name = "llama2.c"

    def __init__(self, options):
        self.options = options
        self.folder = tempfile.TemporaryDirectory(prefix="lineage_peers.")
        self.binary = os.path.join(self.folder.name, "run")
        output_of(["gcc", "-Ofast", "-fopenmp", "-march=native", str(options.llama2c), "-lm", "-o",
                   self.binary])
        output_of([sys.executable, str(HERE / "llama2c_checkpoint.py"), self.folder.name,
                   *(word for config in options.config for word in ("--config", config))])

    def measure(self, config):
        """The best of as many runs as fit into the seconds, as `lineage bench decode` reports."""
        model = os.path.join(self.folder.name, config)
        command = [*self.options.prefix, self.binary, model + ".bin", "-z", model + ".tok",
                   "-t", "0", "-n", str(DECODED)]
        env = dict(os.environ, OMP_NUM_THREADS=str(len(os.sched_getaffinity(0))))
        best = spent = 0
        while best == 0 or spent < self.options.seconds / 3:  # decode's share for one sequence
            rate = re.search(r"achieved tok/s: ([0-9.]+)", output_of(command, env).stderr)
            best = max(best, float(rate[1]))
            spent += DECODED / float(rate[1])
        return {"config": config, "rate": best}


def spread(values, digits=0):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]"


def print_table(sides, results):
    """One line a configuration; columns that a side does not report are left out."""
    ours, theirs = sides
    rows = []
    for config, rounds in results.items():

        def column(side, key, rounds=rounds):
            return [r[side.name][key] for r in rounds if key in r[side.name]]

        row = {"config": config,
               f"{ours.name} tokens/s": spread(column(ours, "rate")),
               f"{theirs.name} tokens/s": spread(column(theirs, "rate")),
               "ratio": spread([r[ours.name]["rate"] / r[theirs.name]["rate"] for r in rounds], 2)}
        if column(ours, "mfu"):
            row["mfu"] = f"{statistics.median(column(ours, 'mfu')):.2f}"
        for key, unit in (("peak_gflops", "sgemm GFLOP/s"), ("peak_rss_mb", "peak MiB")):
            for side in sides:
                if column(side, key):
                    row[f"{side.name} {unit}"] = f"{max(column(side, key)):,.0f}"
        rows.append(row)
    table = [list(rows[0])] + [list(row.values()) for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    table.insert(1, ["-" * width for width in widths])
    for line in table:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=["train", "decode"])
    parser.add_argument("--lineage", required=True, help="the binary")
    parser.add_argument("--llama2c", type=pathlib.Path, help="llama2.c's run.c, for decode")
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has torch")
    parser.add_argument("--config", action="append", choices=CONFIGS, help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="for each measurement")
    parser.add_argument("--prefix", type=shlex.split, default=[], help="put before each command")
    parser.add_argument("--json", type=pathlib.Path, help="keep every measurement in this file")
    options = parser.parse_args()
    options.config = options.config or CONFIGS
    if options.bench == "decode" and not options.llama2c:
        parser.error("decode needs --llama2c, the path of llama2.c's run.c")

    sides = [Lineage(options), PyTorch(options) if options.bench == "train" else Llama2c(options)]
    results = {config: [] for config in options.config}
    for number in range(options.rounds):
        for config in options.config:
            measured = {}
            for side in sides if number % 2 == 0 else reversed(sides):
                measured[side.name] = side.measure(config)
                print(f"round {number + 1} {config} {side.name}: "
                      f"{measured[side.name]['rate']:,.1f} tokens/s", file=sys.stderr)
            results[config].append(measured)
    print_table(sides, results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
