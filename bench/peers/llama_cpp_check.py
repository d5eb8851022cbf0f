#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does llama.cpp read our GGUF files as we do? Greedy tokens, perplexity, teacher-forced argmax; JSON on stdout.

    llama_cpp_check.py greedy     --model F.gguf [--infer build/…/infer] [--prompts P.json] [-n 64] [--max-diff D]
    llama_cpp_check.py perplexity --model F.gguf --data wiki.test.raw [--windows W] [--evaluate build/…/evaluate]
    llama_cpp_check.py argmax     --model F.gguf --data wiki.test.raw [--tokens 2048] [--logits F.bin]
    llama_cpp_check.py reference  --model F.gguf --data wiki.test.raw --source qwen0.5b-tie --scheme w4g32 --name N
                                  --windows 32 --output tests/golden/data/real/llama_cpp.json

greedy      llama.cpp with an f32 KV cache and flash attention off, against `infer --json` on the same ids. A
            difference is excused only where llama.cpp's margin (first - second logit) is below 2 D.
perplexity  llamacpp512: windows of 512, targets 257..511, no BOS unless the vocabulary adds one.
reference   argmax and perplexity of F, an export of the model `source`, added to a JSON file as N
            (tests/slow/llama_cpp_test.cpp exports the same file and compares).
argmax      windows of 512 from an empty cache; ids, the argmax at every position and how far the second token's logit
            lies below; --logits: all logits, f32.
--prompts: a tests/golden/data/real/*.greedy.json, or a list of {"prompt": …, "control_tokens": bool}.
"""
import argparse
import hashlib
import json
import math
import os
import subprocess
import sys

import llama_model
import numpy as np

WINDOW = 512
DEFAULT_PROMPTS = [{"prompt": text} for text in (
    "The capital of France is", "def fibonacci(n):\n", "水は低きに流れる。", "3.14159 26535",
    "When the river rises above the mark on the old bridge,")]


def our_json(command):
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"error: {' '.join(command)} exits {run.returncode}: {run.stderr.strip()[-500:]}")
    return json.loads(run.stdout)


def llama_greedy(model, prompt_ids, count):
    model.clear()
    ids, margins = [], []
    for start in range(0, len(prompt_ids), WINDOW):
        model.decode(prompt_ids[start:start + WINDOW])
    for _ in range(count):
        row = model.logits()[0]
        second, first = np.argpartition(row, -2)[-2:][np.argsort(row[np.argpartition(row, -2)[-2:]])]
        ids.append(int(first))
        margins.append(round(float(row[first] - row[second]), 5))
        model.decode([ids[-1]])
    return ids, margins


def greedy(a):
    model = llama_model.Model(a.model, a.threads, 2048, kv="f32", flash="off")
    prompts = DEFAULT_PROMPTS
    if a.prompts:
        with open(a.prompts, encoding="utf-8") as f:
            prompts = json.load(f)
        prompts = prompts["prompts"] if isinstance(prompts, dict) else prompts
    results = []
    for p in prompts:
        result = {"prompt": p["prompt"], "prompt_ids": model.tokenize(p["prompt"], p.get("control_tokens", False))}
        if a.infer and not p.get("control_tokens", False):
            ours = our_json([a.infer, "--model", a.model, "--weights", "as-is", "--prompt", p["prompt"], "--raw", "-n",
                             str(a.n), "--temperature", "0", "--ignore-eos", "--kv", "f32", "--threads",
                             str(a.threads), "--json"])
            result["same_prompt_ids"] = ours["prompt_ids"] == result["prompt_ids"]
            result["prompt_ids"], result["our_ids"] = ours["prompt_ids"], ours["ids"]
        elif "prompt_ids" in p:      # transformers' ids and tokens stand in for ours
            result["same_prompt_ids"] = p["prompt_ids"] == result["prompt_ids"]
            result["prompt_ids"], result["our_ids"] = p["prompt_ids"], p["ids"][:a.n]
        result["ids"], result["margins"] = llama_greedy(model, result["prompt_ids"], a.n)
        if "our_ids" in result:
            same = [x == y for x, y in zip(result["ids"], result["our_ids"])]
            at = same.index(False) if False in same else None
            result["first_difference"] = at
            result["margin_there"] = None if at is None else result["margins"][at]
            result["excused"] = at is None or result["margins"][at] < 2 * a.max_diff
        results.append(result)
        print(f"{p['prompt'][:30]!r}: {'' if 'our_ids' not in result else 'first difference ' + str(result['first_difference'])}"
              f" margin there {result.get('margin_there')}", file=sys.stderr)
    bad = [r["prompt"] for r in results if not r.get("excused", True)]
    return {"results": results, "unexcused": bad}, 1 if bad else 0


def text_ids(model, path, count=None):
    with open(path, encoding="utf-8", newline="") as f:
        text = f.read()
    # llama.cpp's tokenizer is linear, but 16 characters a token are plenty
    ids = model.tokenize(text if count is None else text[:16 * count + 4096])
    return ids if count is None else ids[:count]


def perplexity(a):
    model = llama_model.Model(a.model, a.threads, WINDOW, kv=a.kv, flash=a.flash)
    ids = text_ids(model, a.data)
    windows = len(ids) // WINDOW if not a.windows else min(a.windows, len(ids) // WINDOW)
    nll, squares, count = 0.0, 0.0, 0
    for w in range(windows):
        window = ids[w * WINDOW:(w + 1) * WINDOW]
        targets = window[WINDOW // 2 + 1:]
        if model.adds_bos():
            window = [model.bos()] + window[1:]
        model.clear()
        model.decode(window, rows=WINDOW // 2)
        rows = model.logits()[:-1].astype(np.float64)
        top = rows.max(1)
        losses = top + np.log(np.exp(rows - top[:, None]).sum(1)) - rows[np.arange(len(targets)), targets]
        nll, squares, count = nll + losses.sum(), squares + (losses ** 2).sum(), count + len(targets)
        print(f"\rwindow {w + 1}/{windows}: {math.exp(nll / count):.4f}", end="", file=sys.stderr)
    print(file=sys.stderr)
    mean = nll / count
    value = math.exp(mean)
    result = {"protocol": "llamacpp512", "windows": windows, "scored": count, "perplexity": value, "nll_sum": nll,
              "stderr": value * math.sqrt((squares / count - mean * mean) / (count - 1)), "kv": a.kv, "flash": a.flash}
    if a.evaluate:
        ours = our_json([a.evaluate, "--model", a.model, "--data", a.data, "--protocol", "llamacpp512", "--windows",
                         str(windows), "--weights", "as-is", "--threads", str(a.threads), "--json"])["results"][0]
        result["ours"] = ours
        result["ours_over_llama_cpp"] = ours["perplexity"] / value
    return result, 0


def argmax(a):
    model = llama_model.Model(a.model, a.threads, WINDOW, kv="f32", flash="off")
    ids = text_ids(model, a.data, a.tokens)
    best, margins = [], []
    dump = open(a.logits, "wb") if a.logits else None
    for start in range(0, len(ids), WINDOW):
        model.clear()
        model.decode(ids[start:start + WINDOW], rows="all")
        rows = model.logits()
        if dump:
            rows.tofile(dump)
        top = np.partition(rows, -2, axis=1)[:, -2:]
        best += rows.argmax(1).tolist()
        margins += [round(float(m), 4) for m in top[:, 1] - top[:, 0]]
    if dump:
        dump.close()
    return {"window": WINDOW, "ids": ids, "argmax": best, "margins": margins}, 0


def reference(a):
    first, _ = argmax(a)
    second, _ = perplexity(a)
    with open(a.model, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    return {"source": a.source, "scheme": a.scheme, "file_sha256": digest,
            "made_by": "bench/peers/llama_cpp_check.py reference",
            **llama_model.about(), "perplexity": {"value": second["perplexity"], "windows": second["windows"],
                                                  "kv": a.kv, "flash": a.flash},
            "ids": first["ids"], "argmax": first["argmax"], "margins": first["margins"]}, 0


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("mode", choices=["greedy", "perplexity", "argmax", "reference"])
    p.add_argument("--model", required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--infer")
    p.add_argument("--evaluate")
    p.add_argument("--prompts")
    p.add_argument("-n", type=int, default=64)
    p.add_argument("--max-diff", type=float, default=0.0, help="largest logit difference seen between the two")
    p.add_argument("--data")
    p.add_argument("--windows", type=int, default=0, help="0: all")
    p.add_argument("--tokens", type=int, default=2048)
    p.add_argument("--logits")
    p.add_argument("--kv", choices=list(llama_model.KV), default="f16")
    p.add_argument("--flash", choices=list(llama_model.FLASH), default="auto")
    p.add_argument("--output", help="write the JSON here instead of stdout")
    p.add_argument("--source")
    p.add_argument("--scheme")
    p.add_argument("--name")
    a = p.parse_args()
    if a.mode != "greedy" and not (a.data and os.path.exists(a.data)):
        p.error(f"{a.mode} needs --data with a text file")
    if a.mode == "reference":
        if not (a.source and a.scheme and a.name and a.output):
            p.error("reference needs --source, --scheme, --name and --output")
        known = {}
        if os.path.exists(a.output):
            with open(a.output, encoding="utf-8") as f:
                known = json.load(f)
        known[a.name], status = reference(a)
        with open(a.output, "w", encoding="utf-8") as f:
            f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in known.items()) + "\n}\n")
        sys.exit(status)
    result, status = {"greedy": greedy, "perplexity": perplexity, "argmax": argmax}[a.mode](a)
    result = {"mode": a.mode, "model": a.model, **llama_model.about(), **result}
    with (open(a.output, "w") if a.output else sys.stdout) as f:
        json.dump(result, f, ensure_ascii=False)
        f.write("\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
