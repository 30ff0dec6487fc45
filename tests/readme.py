#!/usr/bin/env python3
"""Runs every command of README.md in its order, as a reader would from a fresh clone.

  tests/readme.py --binary-folder build/release [--keep]

Commands run exactly as shown; the recipes that they name are smaller ones of the same name, and
files that a reader brings (my/books, my.jsonl) are made here. A command that exits with another
status than 0 fails the test. What is left out, and why, is in LEFT_OUT.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LEFT_OUT = {
    "./quickstart.sh": "installs packages and builds",
    "./test.sh": "installs packages, builds and runs this test",
    "cmake ": "builds; the test has a build",
}
SOURCE = Path(__file__).resolve().parent.parent


def commands(readme):
    """The lines of its ```sh blocks, continuation lines joined, comments cut off."""
    for block in re.findall(r"^```sh\n(.*?)^```", readme, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"\s+#\s.*", "", line).strip()
            if line and not line.startswith("#"):
                yield line


def clone(to):
    """What a clone of this tree holds, changes that are not committed included."""
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-co", "--exclude-standard", "-z"],
                            capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (SOURCE / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, to / name)


def replaced(text, **values):
    """`text` with the first number of each key exchanged."""
    for key, value in values.items():
        text, count = re.subn(rf"^{key} = [\d_.e]+", f"{key} = {value}", text, count=1, flags=re.M)
        assert count == 1, key
    return text


def make_small(recipes):
    for name in ("stdlib", "books", "assistant"):
        path = recipes / f"{name}.toml"
        text = replaced(path.read_text(), tokens=40_000)
        if "warmup_tokens" in text:
            text = replaced(text, warmup_tokens=4_000)
        text = re.sub(r"^episodes = \d+", "episodes = 32", text, flags=re.M)
        path.write_text(text)
    nano = recipes / "gpt35-nano.toml"
    (recipes / "whole-nano.toml").write_text(nano.read_text())
    sprout = (recipes / "gpt35-sprout.toml").read_text()
    sprout = sprout.replace("gpt35-nano.toml", "whole-nano.toml").replace("gpt35-sprout", "gpt35-nano")
    nano.write_text(sprout)


def make_files_of_the_reader(folder):
    words = "the old king of the north had three sons and a red horse that no man could ride".split()
    for name in ("my/books/one.txt", "my/books/two.txt", "my/wikitext/all.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        start = len(name)
        path.write_text("\n\n".join(
            " ".join(words[(start + i * j) % len(words)] for j in range(1, 40)) + "."
            for i in range(1, 120)))
    records = [f'{{"instruction": "Say {word}.", "output": "{word}"' for word in words * 8]
    (folder / "my.jsonl").write_text("".join(r + "}\n" for r in records))
    (folder / "rated.jsonl").write_text("".join(r + ', "rating": 7}\n' for r in records))
    (folder / "judged.jsonl").write_text("".join(
        f'{{"prompt": "Say {word}.", "chosen": "{word}", "rejected": "no {number}"}}\n'
        for number, word in enumerate(words * 4)))
    (folder / "problems.jsonl").write_text("".join(
        f'{{"question": "{n} and {n}?", "answer": "It is twice {n}.\\n#### {2 * n}"}}\n'
        for n in range(80)))


def run_all(folder):
    exports, ran, background = [], 0, []
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                       OMPI_MCA_rmaps_base_oversubscribe="1")
    for command in commands((folder / "README.md").read_text()):
        left_out = next((why for begin, why in LEFT_OUT.items() if command.startswith(begin)), None)
        if left_out:
            print(f"-- {command}\n   left out: {left_out}", flush=True)
            continue
        if command.startswith("export "):
            exports.append(command)
            continue
        if command.endswith("&"):  # goes on beside the commands behind it
            print(f"-- {command}\n   started", flush=True)
            background.append(subprocess.Popen(
                ["bash", "-c", "\n".join(exports + ["exec " + command[:-1]])], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            continue
        start = time.monotonic()
        done = subprocess.run(["bash", "-c", "\n".join(exports + [command])], cwd=folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              env=environment)
        print(f"-- {command}\n   status {done.returncode}, {time.monotonic() - start:.1f} s",
              flush=True)
        if done.returncode != 0:
            sys.exit(f"{done.stdout[-4000:]}\nthis command of README.md failed: {command}")
        ran += 1
    for process in background:
        process.terminate()
        if process.wait(timeout=60) != 0:
            sys.exit(f"{process.args[-1]} ended with status {process.returncode}")
    if ran < 10 or not exports:
        sys.exit(f"{ran} commands and {len(exports)} exports found in README.md; wanted more")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary-folder", required=True, help="of a release build")
    parser.add_argument("--keep", action="store_true", help="keep the clone")
    o = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lineage-readme-"))
    try:
        clone(folder)
        make_small(folder / "recipes")
        make_files_of_the_reader(folder)
        (folder / "build").mkdir()
        (folder / "build/release").symlink_to(Path(o.binary_folder).resolve())
        run_all(folder)
    finally:
        if o.keep:
            print(folder)
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
