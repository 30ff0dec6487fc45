#!/usr/bin/env python3
"""Holds every "section N.M" in the sources to a heading of docs/abilities.md.

    tools/check_sections.py [ROOT]

A section of a paper or a standard is told by what it is cited with, in the same comment: a year or
the standard's name. Each bad line is printed as file:line, and the exit status is 1.
"""
import pathlib
import re
import sys

SOURCES = {".h", ".cc"}
SECTION = re.compile(r"\bsections? (\d+(?:\.\d+)?)(?: and (\d+(?:\.\d+)?))?")
CITED = re.compile(r"\b(1[89]|20)\d\d\b|\b(RFC|HTML|Unicode|paper)\b")
PAGE = "docs/abilities.md"


def comments(text):
    """(number of the first line, text) of each run of // lines and each trailing comment."""
    run, first = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        code, mark, comment = line.partition("//")
        if mark and not code.strip() and run:
            run.append(comment)
            continue
        if run:
            yield first, " ".join(run)
        run, first = ([comment], number) if mark else ([], 0)
    if run:
        yield first, " ".join(run)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    headings = set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", (root / PAGE).read_text(encoding="utf-8"), re.M))
    checked = failures = 0
    for top in ("src", "tests", "bench", "fuzz"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES or not path.is_file():
                continue
            for number, comment in comments(path.read_text(encoding="utf-8")):
                named = [s for match in SECTION.finditer(comment) for s in match.groups() if s]
                if not named or (CITED.search(comment) and PAGE not in comment):
                    continue
                checked += len(named)
                for section in sorted(set(named) - headings):
                    print(f"{path.relative_to(root)}:{number}: section {section} is no heading of {PAGE}",
                          file=sys.stderr)
                    failures += 1
    if failures:
        raise SystemExit(f"{failures} of {checked} sections do not exist")
    print(f"sections: {checked} named, each a heading of {PAGE}")


if __name__ == "__main__":
    main()
