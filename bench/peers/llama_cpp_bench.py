#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of llama.cpp on a GGUF file, alone or interleaved round by round with libslm's end_to_end_bench.

    llama_cpp_bench.py --model F.gguf [--prefill 512] [--decode 128] [--threads 2] [--rounds 5] [--depth 0]
                       [--kv f16] [--flash auto] [--ours build/…/end_to_end_bench] [--output F.json]

Only llama_decode is timed: `prefill` ids in one call from an empty cache, then `decode` calls of one id each
starting with `depth` ids in the cache. With --ours every round runs both on the same file, in alternating order,
and the printed ratio is ours / llama.cpp of the same round: a machine that slows down slows both. `cpu_share` is
the part of its threads' time that llama.cpp was on a core; below 0.9 the run says that it is no measurement.
In: a GGUF both can run   Out: one JSON document on stdout
"""
import argparse
import json
import platform
import random
import subprocess
import sys

import llama_model
from rounds import spread

FIELDS = ("prefill_tokens_per_second", "decode_tokens_per_second")


def llama_round(model, prefill, decode, depth, ids):
    result = dict.fromkeys(FIELDS)
    if prefill:
        model.clear()
        result[FIELDS[0]] = prefill / model.decode(ids[:prefill])
    if decode:
        model.clear()
        for start in range(0, depth, 512):
            model.decode(ids[start:min(start + 512, depth)])
        result[FIELDS[1]] = decode / sum(model.decode(ids[i:i + 1]) for i in range(depth, depth + decode))
    return result


def our_round(a):
    command = [a.ours, "--model", a.model, "--weights", "as-is", "--prefill", str(a.prefill), "--decode",
               str(a.decode), "--rounds", "1", "--threads", str(a.threads), "--json", *a.ours_option]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"error: {' '.join(command)} exits {run.returncode}: {run.stderr.strip()[-500:]}")
    return json.loads(run.stdout)


def summary(rounds):
    return {f: spread([r[f] for r in rounds]) for f in FIELDS if rounds[0].get(f)}


def cpu():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--model", required=True)
    p.add_argument("--prefill", type=int, default=512)
    p.add_argument("--decode", type=int, default=128)
    p.add_argument("--depth", type=int, default=0, help="ids in the cache when decode starts (llama-bench: 0)")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--kv", choices=list(llama_model.KV), default="f16")
    p.add_argument("--flash", choices=list(llama_model.FLASH), default="auto")
    p.add_argument("--ours", help="path of end_to_end_bench")
    p.add_argument("--ours-option", action="append", default=[], help="one more argument for it, e.g. --ours-option=--kv=f16")
    p.add_argument("--output", help="also write the JSON here")
    a = p.parse_args()

    batch = max(512, a.prefill)
    model = llama_model.Model(a.model, a.threads, max(a.prefill, a.depth + a.decode) + 64, a.kv, a.flash, batch)
    ids = [random.Random(1).randrange(model.vocab_size) for _ in range(max(a.prefill, a.depth + a.decode))]
    llama_round(model, min(a.prefill, 64), min(a.decode, 8), 0, ids)   # warm-up
    theirs, ours = [], []
    for i in range(a.rounds):
        turns = [lambda: theirs.append(llama_round(model, a.prefill, a.decode, a.depth, ids))]
        if a.ours:
            turns.append(lambda: ours.append(our_round(a)))
        for turn in turns[::-1] if i % 2 else turns:
            turn()
        print(f"round {i + 1}/{a.rounds}: llama.cpp {theirs[-1]}" + (f" ours {[ours[-1].get(f) for f in FIELDS]}"
              if ours else ""), file=sys.stderr)
    report = {"model": a.model, "prefill": a.prefill, "decode": a.decode, "depth": a.depth, "threads": a.threads,
              "kv": a.kv, "flash": a.flash, "cpu": cpu(), **llama_model.about(), "cpu_share": round(model.cpu_share(), 3),
              "measurement": model.cpu_share() >= 0.9, "llama_cpp": summary(theirs)}
    if not report["measurement"]:
        print(f"warning: llama.cpp had its cores for {model.cpu_share():.0%} of the time: the machine is busy, "
              "this is no measurement", file=sys.stderr)
    if ours:
        report["ours"] = summary(ours)
        report["ratio_ours_to_llama_cpp"] = {
            f: spread([o[f] / t[f] for o, t in zip(ours, theirs)]) for f in FIELDS if theirs[0].get(f) and ours[0].get(f)}
        report["ours_peak_rss_bytes"] = ours[-1].get("peak_rss_bytes")
    text = json.dumps(report, indent=1)
    print(text)
    if a.output:
        with open(a.output, "w") as f:
            f.write(text + "\n")


if __name__ == "__main__":
    main()
