#!/usr/bin/env python3
"""Draws the learning curves of one or more runs as a self-contained SVG, with plain Python.

    tools/plot_metrics.py runs/trees/stdlib/coder/metrics.jsonl -o curve.svg
    tools/plot_metrics.py small=a/metrics.jsonl large=b/metrics.jsonl --y bits_per_byte \\
        --baseline "5-gram=1.98" -o curve.svg

In nats a token: the training loss of every step (thin), its moving mean (thick) and the held-out
loss (points). In bits a byte (--y bits_per_byte): the held-out points, and the training loss scaled
by the run's own held-out bytes a token. A --baseline is a horizontal line in the axis' unit.
"""
import argparse
import itertools
import json
import math
import pathlib
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 44, 56
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]  # Okabe & Ito
INK, GRID, BASELINE = "#1f2328", "#e3e6ea", "#59636e"
SMOOTHED_SHARE = 0.02  # of a run's steps, on either side of the one that is smoothed
UNITS = {"loss": "loss (nats per token)", "bits_per_byte": "bits per byte"}


class Run:
    """One metrics.jsonl: training and heldout, [(tokens, y)] in the unit of the axis."""

    def __init__(self, argument, y):
        label, _, path = argument.rpartition("=")
        self.path = pathlib.Path(path)
        self.label = label or self.path.resolve().parent.name
        # A resumed run writes some steps again: the later line counts.
        losses, heldout = {}, {}
        for number, line in enumerate(self.read().splitlines(), 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                tokens = record["tokens"]
            except (ValueError, KeyError, TypeError):
                raise SystemExit(f"{path}: line {number}: wanted a JSON object with tokens")
            if is_number(record.get("loss")):
                losses[tokens] = record["loss"]
            if is_number(record.get("heldout_bits_per_byte")):
                heldout[tokens] = (record.get("heldout_loss"), record["heldout_bits_per_byte"])
        if not losses and not heldout:
            raise SystemExit(f"{path}: no loss, nothing held out; wanted a metrics.jsonl")
        self.choose(sorted(losses.items()), sorted(heldout.items()), y)

    def read(self):
        try:
            return self.path.read_text(encoding="utf-8")
        except OSError as error:
            raise SystemExit(f"{self.path}: {error.strerror}; wanted a metrics.jsonl")

    def choose(self, losses, heldout, y):
        if y == "loss":
            self.training = losses
            self.heldout = [(t, nats) for t, (nats, _) in heldout if is_number(nats)]
            return
        self.heldout = [(t, bits) for t, (_, bits) in heldout]
        # Much the same text each time, so bits/byte : nats/token is nearly the same at every point.
        scales = [bits / nats for _, (nats, bits) in heldout if is_number(nats) and nats > 0]
        self.training = [(t, loss * scales[-1]) for t, loss in losses] if scales else []

    def smoothed(self):
        """The mean over as many steps before as after, fewer at both ends: it does not lag."""
        values = [v for _, v in self.training]
        until = list(itertools.accumulate(values, initial=0))
        reach = max(1, round(SMOOTHED_SHARE * len(values)))
        result = []
        for i, (tokens, _) in enumerate(self.training):
            r = min(reach, i, len(values) - 1 - i)
            result.append((tokens, (until[i + r + 1] - until[i - r]) / (2 * r + 1)))
        return result


def is_number(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def ticks(low, high, wanted):
    """Round numbers in [low, high], 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def short(tokens):
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if tokens >= size:
            return f"{tokens / size:g}{suffix}"
    return f"{tokens:g}"


class Picture:
    def __init__(self, x_high, y_low, y_high, title):
        self.x_high, self.y_low, self.y_high = x_high, y_low, y_high
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img" font-family="sans-serif" '
            f'font-size="13" fill="{INK}">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<clipPath id="plot"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
            f'height="{HEIGHT - TOP - BOTTOM}"/></clipPath>',
        ]

    def x(self, tokens):
        return LEFT + tokens / self.x_high * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, words, anchor="middle", more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
                          f"{escape(words)}</text>")

    def line(self, x1, y1, x2, y2, colour, more=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}"{more}/>')

    def curve(self, points, colour, width, opacity):
        if len(points) < 2:
            return
        path = " ".join(f"{self.x(t):.1f},{self.y(v):.1f}" for t, v in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                          f'stroke-width="{width}" stroke-opacity="{opacity}" '
                          f'stroke-linejoin="round" clip-path="url(#plot)"/>')

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" '
                          f'stroke="#ffffff" stroke-width="1.2"/>')

    def axes(self, unit):
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        for tokens in ticks(0, self.x_high, 7):
            self.line(self.x(tokens), TOP, self.x(tokens), bottom, GRID)
            self.text(self.x(tokens), bottom + 18, short(tokens))
        for value in ticks(self.y_low, self.y_high, 6):
            self.line(LEFT, self.y(value), right, self.y(value), GRID)
            self.text(LEFT - 8, self.y(value) + 4, f"{value:.6g}", "end")
        self.line(LEFT, bottom, right, bottom, INK)
        self.line(LEFT, TOP, LEFT, bottom, INK)
        self.text((LEFT + right) / 2, HEIGHT - 14, "training tokens")
        middle = (TOP + bottom) / 2
        self.text(18, middle, unit, more=f' transform="rotate(-90 18 {middle:.1f})"')

    def legend(self, entries):
        """entries: (what: "line", "dots" or "baseline"; colour; words), top right in the plot."""
        row, inside = 20, 10
        width = 52 + 7 * max(len(words) for _, _, words in entries)
        left = WIDTH - RIGHT - width - inside
        self.parts.append(f'<rect x="{left}" y="{TOP + inside}" width="{width}" '
                          f'height="{row * len(entries) + 10}" rx="4" fill="#ffffff" '
                          f'fill-opacity="0.9" stroke="{GRID}"/>')
        for i, (what, colour, words) in enumerate(entries):
            y = TOP + inside + 15 + row * i
            if what == "dots":
                self.dot(left + 23, y, colour)
            else:
                more = ' stroke-dasharray="6 4" stroke-width="1.6"' if what == "baseline" else \
                    ' stroke-width="2.4"'
                self.line(left + 10, y, left + 36, y, colour, more)
            self.text(left + 44, y + 4, words, "start")

    def svg(self):
        return "\n".join(self.parts + ["</svg>"]) + "\n"


def share_of(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def range_of(runs, baselines):
    """The y axis. It may cut off the noise of single steps, never a mean, a point or a baseline."""
    values = [v for r in runs for _, v in r.smoothed() + r.heldout] + [v for _, v in baselines]
    noise = [v for r in runs for _, v in r.training]
    if noise:
        values += [share_of(noise, 0.002), share_of(noise, 0.998)]
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.5
    return max(0, low - room), high + room


def draw(runs, baselines, y, title):
    x_high = max(t for r in runs for t, _ in r.training + r.heldout) * 1.02 or 1
    picture = Picture(x_high, *range_of(runs, baselines), title)
    picture.text(WIDTH / 2, 26, title, more=' font-size="16" font-weight="600"')
    picture.axes(UNITS[y])
    entries = []
    coloured = [(run, COLOURS[i % len(COLOURS)]) for i, run in enumerate(runs)]
    for run, colour in coloured:
        picture.curve(run.training, colour, 0.8, 0.4)
    for words, value in baselines:
        at = picture.y(value)
        picture.line(LEFT, at, WIDTH - RIGHT, at, BASELINE,
                     ' stroke-dasharray="6 4" stroke-width="1.6"')
    for run, colour in coloured:
        picture.curve(run.smoothed(), colour, 2.4, 1)
        for tokens, value in run.heldout:
            picture.dot(picture.x(tokens), picture.y(value), colour)
        before = f"{run.label}: " if len(runs) > 1 else ""
        if run.training:
            entries.append(("line", colour, before + "training, smoothed"))
        if run.heldout:
            last = run.heldout[-1][1]
            entries.append(("dots", colour, before + f"held out (last {last:.3f})"))
    entries += [("baseline", BASELINE, f"{words} ({value:g})") for words, value in baselines]
    picture.legend(entries)
    return picture.svg()


def baseline(argument):
    words, _, value = argument.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not words or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f'"{argument}"; wanted NAME=NUMBER, as in "5-gram=1.98"')
    return words, number


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", nargs="+", help="[LABEL=]metrics.jsonl")
    parser.add_argument("-o", "--out", required=True, type=pathlib.Path, help="the SVG to write")
    parser.add_argument("--y", choices=list(UNITS), default="loss", help="default: loss")
    parser.add_argument("--baseline", action="append", default=[], type=baseline,
                        metavar="NAME=NUMBER", help="a horizontal line; may be repeated")
    parser.add_argument("--title", default="Learning curve")
    options = parser.parse_args()
    runs = [Run(m, options.y) for m in options.metrics]
    if not any(r.training or r.heldout for r in runs):
        raise SystemExit(f"--y {options.y}: nothing to draw; the files have no held-out lines")
    options.out.write_text(draw(runs, options.baseline, options.y, options.title), encoding="utf-8")


if __name__ == "__main__":
    main()
