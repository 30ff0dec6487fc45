#!/usr/bin/env python3
"""Training beside other work on the same cores: what is left of the rate on a quiet machine.

  bench/busy.py build/release/src/lineage/cli/lineage [--seconds 20] [--config nano tiny]

Each row is one run: alone, beside as many busy processes as there are cores, beside a second
training of the same size, and alone again. Rates are means over the whole time, in tokens/s; a
ratio is to the better of the two rates alone. A fair share beside as many busy threads is .5.
"""
import argparse
import json
import os
import subprocess
import sys


def train(binary, config, seconds, **popen):
    command = [binary, "bench", "train", "--config", config, "--seconds", str(seconds), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **popen)


def rate(*args):
    out, _ = train(*args).communicate()
    return json.loads(out)["mean_tokens_per_s"]


def beside(others, measure):
    try:
        return measure()
    finally:
        for process in others:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--config", nargs="+", default=["nano", "tiny"])
    o = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    for config in o.config:
        run = (o.binary, config, o.seconds)
        before = rate(*run)
        spin = [sys.executable, "-c", "while True: pass"]
        busy = beside([subprocess.Popen(spin) for _ in range(cores)], lambda: rate(*run))
        second = beside([train(o.binary, config, 10 * o.seconds)], lambda: rate(*run))
        alone = max(before, rate(*run))
        print(f"{config}: alone {alone:.0f}; beside {cores} busy processes {busy:.0f} = "
              f"{busy / alone:.2f}; beside a second training {second:.0f} = {second / alone:.2f}",
              flush=True)


if __name__ == "__main__":
    main()
