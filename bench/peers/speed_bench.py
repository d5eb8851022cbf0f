#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of a GGUF file in llama.cpp, OpenVINO and libslm, interleaved round by round.

    speed_bench.py --model F.gguf [--peers llama_cpp,openvino] [--prefill 512] [--decode 128] [--depth 0] [--threads 2]
                   [--rounds 5] [--kv f16] [--flash auto] [--ours build/…/end_to_end_bench] [--our-model G.gguf]
                   [--output F.json]

`prefill` ids in one call from an empty cache, then, apart from that, `decode` ids one by one with `depth` in the cache.
Of llama.cpp only llama_decode is timed; of OpenVINO the time to the first token, and the time of each token after it
where the prompt has `depth` ids (16 at least: it has no empty cache). Prompts differ from round to round, so that no
engine finds one in a cache of prefixes. The order of the engines turns round; a ratio is ours / theirs of the same
round: a machine that slows down slows both. `cpu_share` is the part of its threads' time that llama.cpp was on a core;
below 0.9 the run says that it is no measurement. --our-model: what libslm runs instead, where peers cannot read it.
In: a GGUF all can run   Out: one JSON document on stdout
"""
import argparse
import platform
import random
import sys

from command_line import Parser, add_model_options, existing, json_of, program, run, whole, write_json
from outputs import output
from rounds import spread

FIELDS = ("prefill_tokens_per_second", "decode_tokens_per_second")
PEERS = ("llama_cpp", "openvino")


class LlamaCpp:
    def __init__(self, a, longest):
        import llama_model
        self.model = llama_model.Model(a.model, a.threads, longest + 64, a.kv, a.flash, max(512, a.prefill))
        self.about, self.vocab_size = llama_model.about(), self.model.vocab_size

    def round(self, a, ids):
        result = dict.fromkeys(FIELDS)
        if a.prefill:
            self.model.clear()
            result[FIELDS[0]] = a.prefill / self.model.decode(ids[:a.prefill])
        if a.decode:
            self.model.clear()
            for start in range(0, a.depth, 512):
                self.model.decode(ids[start:min(start + 512, a.depth)])
            steps = [self.model.decode(ids[i:i + 1]) for i in range(a.depth, a.depth + a.decode)]
            result[FIELDS[1]] = a.decode / sum(steps)
        return result


class OpenVino:
    SHORTEST = 16

    def __init__(self, a, longest):
        import openvino_model
        self.model, self.about = openvino_model.Model(a.model, a.threads), openvino_model.about()

    def round(self, a, ids):
        result = dict.fromkeys(FIELDS)
        if a.prefill:
            result[FIELDS[0]] = a.prefill / self.model.seconds(ids[:a.prefill], 0)[0]
        if a.decode:
            result[FIELDS[1]] = a.decode / self.model.seconds(ids[-max(a.depth, self.SHORTEST):], a.decode)[1]
        return result


class Ours:
    def __init__(self, a, longest):
        self.about = {}

    def round(self, a, ids):
        command = [a.ours, "--model", a.our_model or a.model, "--weights", "as-is", "--prefill", str(a.prefill),
                   "--decode", str(a.decode), "--rounds", "1", "--threads", str(a.threads), "--json"]
        command += ["--depth", str(a.depth), "--kv", a.kv] if a.decode else ["--kv", a.kv]
        return json_of(command)


def cpu():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def ratios(ours, theirs):
    return {f: spread([o[f] / t[f] for o, t in zip(ours, theirs)]) for f in FIELDS if theirs[0].get(f)}


def peers(word):
    names = word.split(",")
    if not set(names) <= set(PEERS) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"'{word}', expected some of {','.join(PEERS)}, each once")
    return names


def main():
    p = Parser(__doc__)
    add_model_options(p)
    p.add_argument("--peers", type=peers, default=["llama_cpp"], help=f"some of {','.join(PEERS)}, with commas between")
    p.add_argument("--prefill", type=whole(0), default=512)
    p.add_argument("--decode", type=whole(0), default=128)
    p.add_argument("--depth", type=whole(0), default=0, help="ids in the cache when decode starts (llama-bench: 0)")
    p.add_argument("--rounds", type=whole(1), default=5)
    p.add_argument("--ours", type=program, help="path of end_to_end_bench")
    p.add_argument("--our-model", type=existing, help="what libslm runs, if not --model")
    p.add_argument("--output", type=output, help="also write the JSON here")
    a = p.parse_args()
    if not a.prefill and not a.decode:
        p.error("--prefill 0 --decode 0 leave nothing to measure")

    longest = max(a.prefill, a.depth + a.decode, OpenVino.SHORTEST)
    made = {"llama_cpp": LlamaCpp, "openvino": OpenVino, "ours": Ours}
    names = [*a.peers, *(["ours"] if a.ours else [])]
    engines = {name: made[name](a, longest) for name in names}
    ids_end = min([30000, *(e.vocab_size for e in engines.values() if hasattr(e, "vocab_size"))])
    rounds = {name: [] for name in names}
    for i in range(-1, a.rounds):   # round -1 warms up
        generator = random.Random(i + 1)
        ids = [generator.randrange(ids_end) for _ in range(longest)]
        for name in names[i % len(names):] + names[:i % len(names)]:
            rounds[name].append(engines[name].round(a, ids))
        if i < 0:
            rounds = {name: [] for name in names}
            continue
        print(f"round {i + 1}/{a.rounds}: " + "; ".join(
            f"{name} " + " ".join(f"{rounds[name][-1][f]:.1f}" for f in FIELDS if rounds[name][-1].get(f))
            for name in names), file=sys.stderr)

    report = {"model": a.model, "our_model": a.our_model or a.model, "prefill": a.prefill, "decode": a.decode,
              "depth": a.depth, "threads": a.threads, "kv": a.kv, "flash": a.flash, "cpu": cpu()}
    for name in names:
        report[name] = engines[name].about | {f: spread([r[f] for r in rounds[name]]) for f in FIELDS
                                              if rounds[name][0].get(f)}
    if "llama_cpp" in engines:
        share = engines["llama_cpp"].model.cpu_share()
        report |= {"cpu_share": round(share, 3), "measurement": share >= 0.9}
        if share < 0.9:
            print(f"warning: llama.cpp had its cores for {share:.0%} of the time: the machine is busy, this is no "
                  "measurement", file=sys.stderr)
    if a.ours:
        report["ours"]["peak_rss_bytes"] = rounds["ours"][-1].get("peak_rss_bytes")
        report["ratio_ours_to"] = {name: ratios(rounds["ours"], rounds[name]) for name in names if name != "ours"}
    write_json(report, a.output)


if __name__ == "__main__":
    run(main)
