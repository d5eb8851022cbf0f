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
from command_line import Parser, WrongUsage, existing, output, positive, read_json, run

BYTES_A_WEIGHT = {"q8c": 1.0, "q8_0": 34 / 32, "q4_0": 18 / 32, "q4_1": 20 / 32}
COLOURS = {"q8c": "#0072b2", "q8_0": "#d55e00", "q4_0": "#009e73", "q4_1": "#cc79a7"}
WIDTH, HEIGHT, MARGIN = 720, 440, 56


def points(path, isa):
    """(storage, m) -> Gop/s, the median over shapes"""
    document = read_json(path)
    runs = document.get("benchmarks") if isinstance(document, dict) else None
    if not (isinstance(runs, list) and all(isinstance(r, dict) and isinstance(r.get("name"), str) for r in runs)):
        raise WrongUsage(f"{path}: expected JSON of Google Benchmark, with names in a list \"benchmarks\"")
    found, isas = collections.defaultdict(list), set()
    for r in runs:
        match = re.fullmatch(r"gemm/(q\w+?)_\d+x\d+_(\w+)/\d+x\d+/(\d+)", r["name"])
        if not match or r.get("run_type") == "aggregate":
            continue
        isas.add(match[2])
        if match[2] == isa:
            rate = r.get("Gop/s")
            if not (isinstance(rate, (int, float)) and 0 < rate < math.inf):
                raise WrongUsage(f"{path}: {r['name']} has {rate!r} Gop/s, expected a number above 0")
            found[match[1], int(match[3])].append(rate)
    if not isas:
        raise WrongUsage(f"{path}: no integer GEMM in it, expected names like gemm/q4_0_6x16_avx512vnni/896x896/512")
    if not found:
        raise WrongUsage(f"{path}: no integer GEMM of --isa '{isa}' in it, only of {', '.join(sorted(isas))}")
    return {key: statistics.median(rates) for key, rates in sorted(found.items())}


def svg(rates, peak, memory):
    low, high, floor, top = 1.0, 4096.0, 8.0, 1024.0
    x = lambda v: MARGIN + (WIDTH - 2 * MARGIN) * math.log(v / low) / math.log(high / low)
    y = lambda v: HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * math.log(v / floor) / math.log(top / floor)
    ridge = peak / memory
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for v in (1, 4, 16, 64, 256, 1024, 4096):
        out.append(f'<text x="{x(v):.0f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{v}</text>')
        out.append(f'<line x1="{x(v):.0f}" x2="{x(v):.0f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" stroke="#ddd"/>')
    for v in (16, 64, 256, 1024):
        out.append(f'<text x="{MARGIN - 8}" y="{y(v) + 4:.0f}" text-anchor="end">{v}</text>')
        out.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(v):.0f}" y2="{y(v):.0f}" stroke="#ddd"/>')
    start = max(low, floor / memory)
    out.append(f'<polyline fill="none" stroke="black" stroke-width="2" points="{x(start):.1f},{y(start * memory):.1f} '
               f'{x(ridge):.1f},{y(peak):.1f} {x(high):.1f},{y(peak):.1f}"/>')
    out.append(f'<text x="{WIDTH - MARGIN}" y="{y(peak) - 8:.0f}" text-anchor="end">{peak:.0f} Gop/s, {memory:.1f} GB/s</text>')
    for i, storage in enumerate(COLOURS):
        at = [(x(2 * m / BYTES_A_WEIGHT[storage]), y(rate)) for (s, m), rate in rates.items() if s == storage]
        out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{COLOURS[storage]}"/>' for a, b in at]
        out.append(f'<circle cx="{MARGIN + 16}" cy="{MARGIN + 14 + 18 * i}" r="4" fill="{COLOURS[storage]}"/>')
        out.append(f'<text x="{MARGIN + 26}" y="{MARGIN + 18 + 18 * i}">{storage}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">operations a byte of packed weights</text>')
    out.append(f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2})">Gop/s, one thread</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    p = Parser(__doc__)
    p.add_argument("--kernels", type=existing, required=True, help="JSON of bench_kernels")
    p.add_argument("--peak-int8", type=positive, required=True, help="Gop/s")
    p.add_argument("--memory", type=positive, required=True, help="GB/s")
    p.add_argument("--isa", default="avx512vnni", help="whose kernels")
    p.add_argument("--svg", type=output)
    a = p.parse_args()
    rates = points(a.kernels, a.isa)
    rows = sorted({m for _, m in rates})
    print("| rows | " + " | ".join(COLOURS) + " |\n|---:|" + "---:|" * len(COLOURS))
    for m in rows:
        cells = []
        for storage in COLOURS:
            roof = min(a.peak_int8, a.memory * 2 * m / BYTES_A_WEIGHT[storage])
            rate = rates.get((storage, m))
            cells.append("-" if rate is None else f"{rate:.0f} of {roof:.0f}, {100 * rate / roof:.0f} %")
        print(f"| {m} | " + " | ".join(cells) + " |")
    if a.svg:
        with open(a.svg, "w", encoding="utf-8") as f:
            f.write(svg(rates, a.peak_int8, a.memory))


if __name__ == "__main__":
    run(main)
