#!/usr/bin/env python3
"""Holds every include to the arrows that the folders declare: tools/check_layers.py [ROOT]

A folder src/lineage/X may include itself and what its CMakeLists.txt lists in
lineage_module(X DEPS a b ...), and what those list in turn. cli, and all that lies outside of src/,
may include everything. What lies on a user's disk is removed, and linked to, in base/ alone
(base/folder.h). The CMakeLists.txt opens with the purpose of the folder and of each one below it,
"# X: ..." and "# X/SUB: ...". Each bad line is printed as file:line, and the exit status is 1.
"""
import itertools
import pathlib
import re
import sys

SOURCES = {".h", ".cc", ".cu", ".cuh"}
INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')
REMOVAL = re.compile(r"\b(remove_all|(fs|filesystem)::remove|create\w*_symlink|unlink|rmdir)\(")
KEYWORDS = {"DEPS", "LINK", "EXCLUDE"}


def read_arrows(src):
    """folder -> the folders in its DEPS, or None where it may include everything."""
    arrows = {}
    for folder in sorted(path for path in src.iterdir() if path.is_dir()):
        cmake = folder / "CMakeLists.txt"
        text = re.sub(r"#[^\n]*", "", cmake.read_text()) if cmake.exists() else ""
        call = re.search(r"lineage_module\(([^)]*)\)", text)
        if folder.name == "cli":
            arrows["cli"] = None
        elif call:
            name, *words = call[1].split()
            if name != folder.name:
                raise SystemExit(f"{cmake}: module {name}; wanted the folder's name {folder.name}")
            arrows[name] = set(keyword_values(words, "DEPS"))
        elif any(path.suffix in SOURCES for path in folder.rglob("*")):
            raise SystemExit(f"{cmake}: no lineage_module(); wanted one for {folder}")
    for name, deps in arrows.items():
        for dep in sorted((deps or set()) - arrows.keys()):
            raise SystemExit(f"{src / name}/CMakeLists.txt: DEPS names {dep}; no such folder")
    return arrows


def keyword_values(words, keyword):
    values, active = [], None
    for word in words:
        if word in KEYWORDS:
            active = word
        elif active == keyword:
            values.append(word)
    return values


def reach(name, arrows, path=()):
    """All that `name` may include: itself, its DEPS and theirs."""
    if name in path:
        raise SystemExit(f"a circle of DEPS: {' -> '.join((*path, name))}")
    if arrows[name] is None:
        return set(arrows)
    return {name}.union(*(reach(dep, arrows, (*path, name)) for dep in arrows[name]))


def bad_includes(path, allowed, root):
    """(line number, complaint) for each include of `path` that is not right."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        header = include[1]
        parts = header.split("/")
        if parts[0] != "lineage":
            beside = (path.parent / header).exists() and "src" in path.relative_to(root).parts
            if (root / "src" / "lineage" / header).exists() or beside:
                yield number, f'"{header}" is not from the root; wanted "lineage/..."'
        elif not (root / "src" / header).exists():
            yield number, f'"{header}" does not exist'
        elif allowed is not None and parts[1] not in allowed:
            folders = ", ".join(sorted(allowed))
            yield number, f'"{header}" is in {parts[1]}/; wanted one of {folders}'


def bad_removals(path):
    """(line number, complaint) for each removal or link that does not go through base/folder.h."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if call := REMOVAL.search(line):
            yield number, f"{call[0]}...) outside of base/; wanted base/folder.h"


def missing_purposes(folder, root):
    """The folder and those below it that its CMakeLists.txt does not open with the purpose of."""
    lines = (folder / "CMakeLists.txt").read_text(encoding="utf-8").splitlines()
    opening = list(itertools.takewhile(lambda line: line.startswith("#"), lines))
    below = {path.parent for path in folder.rglob("*") if path.suffix in SOURCES}
    for path in sorted({folder} | below):
        name = path.relative_to(folder.parent).as_posix()
        if not any(re.match(rf"# {re.escape(name)}: \S", line) for line in opening):
            place = (folder / "CMakeLists.txt").relative_to(root)
            yield f"{place}:1: opens without a line \"# {name}: its purpose\""


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    src = root / "src" / "lineage"
    if not src.is_dir():
        raise SystemExit(f"{src}: no such folder; wanted a checkout of Lineage")
    arrows = read_arrows(src)
    reachable = {name: reach(name, arrows) for name in arrows}
    checked = failures = 0
    for name in arrows:
        for complaint in missing_purposes(src / name, root):
            print(complaint, file=sys.stderr)
            failures += 1
    for top in ("src", "tests", "bench", "fuzz", "tools"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES or not path.is_file():
                continue
            checked += 1
            folder = path.relative_to(src).parts[0] if path.is_relative_to(src) else None
            for number, complaint in bad_includes(path, reachable.get(folder), root):
                print(f"{path.relative_to(root)}:{number}: {complaint}", file=sys.stderr)
                failures += 1
            for_tests = path.name.endswith("_test.cc") or path.name == "testing.h"
            if folder in (None, "base") or for_tests:
                continue
            for number, complaint in bad_removals(path):
                print(f"{path.relative_to(root)}:{number}: {complaint}", file=sys.stderr)
                failures += 1
    if failures:
        raise SystemExit(f"{failures} bad lines in {checked} files")
    print(f"layers: {checked} files, every include follows the arrows")


if __name__ == "__main__":
    main()
