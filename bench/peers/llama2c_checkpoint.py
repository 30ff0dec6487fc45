#!/usr/bin/env python3
"""Writes random models that llama2.c's run.c reads, in the shapes of `lineage bench decode`.

    bench/peers/llama2c_checkpoint.py FOLDER [--config tiny ...]

makes FOLDER/CONFIG.bin (its version 0 format: seven int32, then f32 arrays) and FOLDER/CONFIG.tok.
llama2.c is a Llama: its feed-forward has three matrices where GPT-2's has two of width 4C, so the
inner width is 8/3 C (rounded to a multiple of 8, which its compiler's vector loops like), and a
token costs both sides the same multiplications: 344 of 341.3 for C = 128, and exactly 8/3 C else.
"""
import argparse
import array
import pathlib
import random
import struct

CONFIGS = {  # layers, width, heads, vocab
    "tiny": (4, 128, 4, 512),
    "small": (6, 384, 6, 4096),
    "gpt2": (12, 768, 12, 50257),
}
CONTEXT = 256
BOS = 1  # run.c stops at this token


def write_model(path, layers, width, heads, vocab):
    hidden = 8 * round(width / 3)
    # A block of random numbers, repeated: what run.c computes does not depend on the values.
    draw = random.Random(1)
    block = array.array("f", (draw.gauss(0, 0.02) for _ in range(1 << 16)))

    def weights(count):
        for start in range(0, count, len(block)):
            block[: count - start].tofile(file)

    def ones(count):
        (array.array("f", [1.0]) * count).tofile(file)

    with open(path, "wb") as file:
        file.write(struct.pack("7i", width, hidden, layers, heads, heads, vocab, CONTEXT))
        # The row of the end token is zero, so that its logit never wins and no run ends early.
        weights(BOS * width)
        file.write(bytes(4 * width))
        weights((vocab - BOS - 1) * width)
        ones(layers * width)  # norms before attention
        weights(4 * layers * width * width)  # query, key, value, output
        ones(layers * width)  # norms before the feed-forward
        weights(3 * layers * width * hidden)
        ones(width)  # the last norm
        file.write(bytes(4 * CONTEXT * (width // heads)))  # rotary tables, no longer read
    return vocab * width + layers * (4 * width * width + 3 * width * hidden)


def write_tokenizer(path, vocab):
    with open(path, "wb") as file:
        file.write(struct.pack("i", 1))  # the longest piece
        for _ in range(vocab):
            file.write(struct.pack("fi", 0.0, 1) + b"a")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--config", action="append", choices=CONFIGS, help="default: all")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.config or CONFIGS:
        count = write_model(options.folder / f"{name}.bin", *CONFIGS[name])
        write_tokenizer(options.folder / f"{name}.tok", CONFIGS[name][-1])
        print(f"{options.folder / name}.bin: {count:,} weights in matrices")


if __name__ == "__main__":
    main()
