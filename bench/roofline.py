#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Roofline (Williams et al. 2009) of the GEMM kernels: what each reaches of what arithmetic and memory allow, as SVG.

    bench_kernels --benchmark_filter='gemm/.*/(1|2|4|16|512)$' --benchmark_out=k.json --benchmark_out_format=json
    roofline.py --kernels k.json --isa avx512vnni --peak-int8 468 --memory 31.1 --svg docs/roofline.svg

Intensity is operations a byte of packed weights, 2·m for a weight of one byte; the roof is the lesser of the peak and
intensity x memory (one thread's, from bench_peaks). A table of medians over shapes goes to stdout, in Markdown.
In: JSON of Google Benchmark   Out: SVG, Markdown
"""
import collections
import math
import os
import re
import statistics
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
from command_line import Parser, WrongUsage, existing, finite, read_json, run
from outputs import output, write_text

BYTES_A_WEIGHT = {"q8c": 1.0, "q8_0": 34 / 32, "q4_0": 18 / 32, "q4_1": 20 / 32}
COLOURS = {"q8c": "#0072b2", "q8_0": "#d55e00", "q4_0": "#009e73", "q4_1": "#cc79a7"}
WIDTH, HEIGHT, MARGIN = 720, 440, 56
LEAST, MOST = 0.001, 1e6   # what one thread reaches and memory gives, in 10⁹ a second, and rows: beyond, it is a slip
EXPECTED = f"from {LEAST:g} to {MOST:.0f}"
speed = finite(EXPECTED, lambda value: LEAST <= value <= MOST)


def checked_rate(run, path):
    rate = run.get("Gop/s")
    if not (type(rate) in (int, float) and LEAST <= rate <= MOST):
        raise WrongUsage(f"{path}: {run['name']} has {rate!r} Gop/s, expected a number {EXPECTED}")
    return rate


def checked_rows(word, name, path):
    if not 1 <= len(word.lstrip("0")) <= 7 or int(word) > MOST:
        raise WrongUsage(f"{path}: {name} has {word[:20]} rows, expected 1 to {MOST:.0f}")
    return int(word)


def points(path, isa):
    """(storage, m) -> Gop/s, the median over shapes"""
    document = read_json(path)
    runs = document.get("benchmarks") if isinstance(document, dict) else None
    if not (isinstance(runs, list) and all(isinstance(r, dict) and isinstance(r.get("name"), str) for r in runs)):
        raise WrongUsage(f"{path}: expected JSON of Google Benchmark, with names in a list \"benchmarks\"")
    found, isas = collections.defaultdict(list), set()
    for r in runs:
        match = re.fullmatch(r"gemm/(q\w+?)_\d+x\d+_(\w+)/\d+x\d+/([0-9]+)", r["name"])
        if not match or r.get("run_type") == "aggregate":
            continue
        isas.add(match[2])
        if match[2] == isa:
            found[match[1], checked_rows(match[3], r["name"], path)].append(checked_rate(r, path))
    if not isas:
        raise WrongUsage(f"{path}: no integer GEMM in it, expected names like gemm/q4_0_6x16_avx512vnni/896x896/512")
    if not found:
        raise WrongUsage(f"{path}: no integer GEMM of --isa '{isa}' in it, only of {', '.join(sorted(isas))}")
    return {key: statistics.median(rates) for key, rates in sorted(found.items())}


def intensity(storage, m):
    return 2 * m / BYTES_A_WEIGHT[storage]


class Axis:
    """Logarithmic, from `low` to `high`, both moved out by powers of 4 until the values are on it."""

    def __init__(self, low, high, values, start, end):
        while low > min(values):
            low /= 4
        while high < max(values):
            high *= 4
        self.low, self.high, self.start, self.end = low, high, start, end

    def at(self, value):
        return self.start + (self.end - self.start) * math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self):
        """Powers of 4, eight at most."""
        powers = range(math.ceil(math.log2(self.low) / 2), math.floor(math.log2(self.high) / 2) + 1)
        return [4.0 ** k for k in powers[::math.ceil(len(powers) / 8)]]


def grid(x, y):
    for v in x.ticks():
        at = f"{x.at(v):.0f}"
        yield f'<text x="{at}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{v:.6g}</text>'
        yield f'<line x1="{at}" x2="{at}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" stroke="#ddd"/>'
    for v in y.ticks():
        yield f'<text x="{MARGIN - 8}" y="{y.at(v) + 4:.0f}" text-anchor="end">{v:.6g}</text>'
        yield f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y.at(v):.0f}" y2="{y.at(v):.0f}" stroke="#ddd"/>'


def roof(x, y, peak, memory):
    start = max(x.low, y.low / memory)
    corners = [(start, start * memory), (peak / memory, peak), (x.high, peak)]
    yield ('<polyline fill="none" stroke="black" stroke-width="2" points="'
           + " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in corners) + '"/>')
    yield (f'<text x="{WIDTH - MARGIN}" y="{y.at(peak) - 8:.0f}" text-anchor="end">'
           f'{peak:.0f} Gop/s, {memory:.1f} GB/s</text>')


def dots(x, y, rates):
    for i, storage in enumerate(COLOURS):
        circle = f'r="4" fill="{COLOURS[storage]}"/>'
        for (s, m), rate in rates.items():
            if s == storage:
                yield f'<circle cx="{x.at(intensity(s, m)):.1f}" cy="{y.at(rate):.1f}" {circle}'
        yield f'<circle cx="{MARGIN + 16}" cy="{MARGIN + 14 + 18 * i}" {circle}'
        yield f'<text x="{MARGIN + 26}" y="{MARGIN + 18 + 18 * i}">{storage}</text>'


def svg(rates, peak, memory):
    known = {key: rate for key, rate in rates.items() if key[0] in COLOURS}
    x = Axis(1.0, 4096.0, [peak / memory, *(intensity(s, m) for s, m in known)], MARGIN, WIDTH - MARGIN)
    y = Axis(8.0, 1024.0, [peak, *known.values()], HEIGHT - MARGIN, MARGIN)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
           'font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           *grid(x, y), *roof(x, y, peak, memory), *dots(x, y, known),
           f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">operations a byte of packed weights</text>',
           f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2})">'
           'Gop/s, one thread</text>',
           "</svg>"]
    return "\n".join(out) + "\n"


def table(rates, peak, memory):
    yield "| rows | " + " | ".join(COLOURS) + " |\n|---:|" + "---:|" * len(COLOURS)
    for m in sorted({m for _, m in rates}):
        cells = []
        for storage in COLOURS:
            allowed, rate = min(peak, memory * intensity(storage, m)), rates.get((storage, m))
            cells.append("-" if rate is None else f"{rate:.0f} of {allowed:.0f}, {100 * rate / allowed:.0f} %")
        yield f"| {m} | " + " | ".join(cells) + " |"


def main():
    p = Parser(__doc__)
    p.add_argument("--kernels", type=existing, required=True, help="JSON of bench_kernels")
    p.add_argument("--peak-int8", type=speed, required=True, help="Gop/s")
    p.add_argument("--memory", type=speed, required=True, help="GB/s")
    p.add_argument("--isa", default="avx512vnni", help="whose kernels")
    p.add_argument("--svg", type=output)
    a = p.parse_args()
    rates = points(a.kernels, a.isa)
    if a.svg:   # first: where it cannot be written, no table looks as if all went well
        write_text(svg(rates, a.peak_int8, a.memory), a.svg)
    print("\n".join(table(rates, a.peak_int8, a.memory)))


if __name__ == "__main__":
    run(main)
