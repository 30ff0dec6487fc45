#!/usr/bin/python3
"""PyTorch's side of `lineage bench train`: the same models, batches and training step.

    apt-get install python3-torch libopenblas0-openmp
    bench/peers/pytorch_gpt2.py [--config tiny] [--config small] [--seconds 10]

prints one JSON line a configuration: config, params, tokens_per_s (of the median step),
peak_rss_mb, sgemm_gflops (the best of the step's products), steps, torch, environment.

The model is GPT-2 as nanoGPT trains it: pre-LN, learned positions, GELU, biases, tied head, AdamW
(0.9, 0.95) with decay on matrices, clipping at norm 1, f32; a step is forward, backward, clip and
update. This script is PyTorch at its best that we found (Debian's 1.13, two cores of a Zen 3,
tokens/s of tiny unless said otherwise), set by the launcher below and in the model:

- glibc keeps freed memory (MALLOC_*): without, each step maps and clears its large tensors anew;
  4,000 -> 9,500.
- OpenBLAS of the `openmp` flavour, which shares its threads with PyTorch's own loops; the `pthread`
  flavour's threads fight them: 5,600 -> 9,500.
- OPENBLAS_CORETYPE as a machine's own setting may name slow kernels, so it is replaced: SKYLAKEX
  where there is AVX-512 (the packaged 0.3.21 does not know newer processors and falls back to
  kernels five times slower), else HASWELL, 4 % above ZEN in tiny and small.
- Denormals are flushed; attention's mask is added by the product itself (baddbmm); q, k and v come
  from one product; gradients are set to None.
- No gain beyond noise: GELU's erf or tanh form, AdamW(foreach=True), huge pages, pinned threads.
  A loss: oneDNN's linear layers (to_mkldnn), half of OpenBLAS's rate. No torch.compile in 1.13.
"""
import argparse
import glob
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time

CONFIGS = {
    "tiny": dict(layers=4, width=128, heads=4, vocab=512, context=256, batch=32),
    "small": dict(layers=6, width=384, heads=6, vocab=4096, context=256, batch=16),
    "gpt2": dict(layers=12, width=768, heads=12, vocab=50257, context=256, batch=4),
}


def best_settings():
    """What PyTorch must find in its environment before it is loaded."""
    with open("/proc/cpuinfo") as cpuinfo:
        avx512 = " avx512f " in cpuinfo.read()
    settings = {
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        "OPENBLAS_CORETYPE": "SKYLAKEX" if avx512 else "HASWELL",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 36),
        "MALLOC_TOP_PAD_": str(1 << 28),
    }
    flavour = glob.glob("/usr/lib/*/openblas-openmp")
    if flavour:
        settings["LD_LIBRARY_PATH"] = flavour[0]
    else:
        print("no OpenMP flavour of OpenBLAS (Debian's libopenblas0-openmp): PyTorch is slower",
              file=sys.stderr)
    return settings


def build_gpt(torch, layers, width, heads, vocab, context):
    nn = torch.nn
    F = nn.functional
    mask = torch.full((context, context), -math.inf).triu(1)  # (T,T), -inf above the diagonal
    head_width = width // heads

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def attend(self, x):  # (B,T,C)
            B, T, C = x.shape
            qkv = self.qkv(x).view(B, T, 3, heads, head_width).permute(2, 0, 3, 1, 4)
            q, k, v = (t.reshape(B * heads, T, head_width) for t in qkv)
            scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=head_width**-0.5)
            y = torch.bmm(scores.softmax(-1), v)  # (BH,T,D)
            return self.out(y.view(B, heads, T, head_width).transpose(1, 2).reshape(B, T, C))

        def forward(self, x):
            x = x + self.attend(self.norm1(x))
            return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))

    class Gpt(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            for parameter in self.parameters():
                if parameter.dim() > 1:
                    nn.init.normal_(parameter, std=0.02)

        def forward(self, ids, targets):  # (B,T), (B,T)
            x = self.tokens(ids) + self.positions.weight
            for block in self.blocks:
                x = block(x)
            logits = F.linear(self.norm(x).view(-1, width), self.tokens.weight)
            return F.cross_entropy(logits, targets.reshape(-1))

    return Gpt()


def sgemm_gflops(torch, config):
    """The best rate over the products of a step: each linear layer's and the head's."""
    rows, width = config["batch"] * config["context"], config["width"]
    shapes = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width),
              (width, config["vocab"])]
    best = 0
    for k, m in shapes:
        x, w = torch.randn(rows, k), torch.randn(k, m)
        flops = 2 * rows * k * m
        repeats = max(1, round(2e9 / flops))
        for _ in range(8):
            start = time.perf_counter()
            for _ in range(repeats):
                torch.mm(x, w)
            best = max(best, 1e-9 * repeats * flops / (time.perf_counter() - start))
    return best


def measure(name, seconds):
    import torch

    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    config = CONFIGS[name]
    gflops = sgemm_gflops(torch, config)
    batch, context, vocab = config["batch"], config["context"], config["vocab"]
    model = build_gpt(torch, **{key: config[key] for key in config if key != "batch"})
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
         {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0}],
        lr=6e-4, betas=(0.9, 0.95))
    ids = torch.randint(0, vocab, (batch, context + 1))

    def step():
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        model(ids[:, :-1], ids[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return time.perf_counter() - start

    for _ in range(2):  # warm-up
        step()
    times = []
    while len(times) < 3 or sum(times) < seconds:
        times.append(step())
    return {
        "config": name,
        "params": sum(p.numel() for p in parameters),
        "tokens_per_s": batch * context / statistics.median(times),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "sgemm_gflops": gflops,
        "steps": len(times),
        "torch": torch.__version__,
        "environment": {key: os.environ.get(key, "") for key in best_settings()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", action="append", choices=CONFIGS, help="default: all")
    parser.add_argument("--seconds", type=float, default=10, help="to measure for, a configuration")
    parser.add_argument("--in-this-process", action="store_true",
                        help="measure here, with the environment as it is")
    options = parser.parse_args()
    for name in options.config or CONFIGS:
        if options.in_this_process:
            print(json.dumps(measure(name, options.seconds)), flush=True)
        else:  # a process each, so that the peak of memory is the configuration's own
            inherited = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
            command = [sys.executable, __file__, "--in-this-process", "--config", name,
                       "--seconds", str(options.seconds)]
            subprocess.run(command, env={**inherited, **best_settings()}, check=True)


if __name__ == "__main__":
    main()
