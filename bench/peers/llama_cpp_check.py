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
import contextlib
import hashlib
import json
import math
import os
import sys

from command_line import (Parser, WrongUsage, add_model_options, existing, json_of, not_negative, program, read_json,
                          read_text, run, whole)
from outputs import output, write_text, writing

WINDOW = 512
DEFAULT_PROMPTS = [{"prompt": text} for text in (
    "The capital of France is", "def fibonacci(n):\n", "水は低きに流れる。", "3.14159 26535",
    "When the river rises above the mark on the old bridge,")]


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


def asked(path):
    prompts = read_json(path)
    prompts = prompts.get("prompts") if isinstance(prompts, dict) else prompts
    is_prompt = lambda p: isinstance(p, dict) and isinstance(p.get("prompt"), str)
    if not (isinstance(prompts, list) and all(map(is_prompt, prompts))):
        raise WrongUsage(f'--prompts {path}: expected a list of {{"prompt": …}}')
    return prompts


def greedy(a):
    model = llama_model.Model(a.model, a.threads, 2048, kv="f32", flash="off")
    prompts = asked(a.prompts) if a.prompts else DEFAULT_PROMPTS
    results = []
    for p in prompts:
        result = {"prompt": p["prompt"], "prompt_ids": model.tokenize(p["prompt"], p.get("control_tokens", False))}
        if a.infer and not p.get("control_tokens", False):
            ours = json_of([a.infer, "--model", a.model, "--weights", "as-is", "--prompt", p["prompt"], "--raw", "-n",
                            str(a.n), "--temperature", "0", "--ignore-eos", "--kv", "f32", "--threads",
                            str(a.threads), "--json"])
            result["same_prompt_ids"] = ours["prompt_ids"] == result["prompt_ids"]
            result["prompt_ids"], result["our_ids"] = ours["prompt_ids"], ours["ids"]
        elif "prompt_ids" in p and "ids" in p:      # transformers' ids and tokens stand in for ours
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
        found = f"first difference {result['first_difference']}" if "our_ids" in result else ""
        print(f"{p['prompt'][:30]!r}: {found} margin there {result.get('margin_there')}", file=sys.stderr)
    bad = [r["prompt"] for r in results if not r.get("excused", True)]
    return {"results": results, "unexcused": bad}, 1 if bad else 0


def text_ids(model, path, least, count=None):
    text = read_text(path)
    # llama.cpp's tokenizer is linear, but 16 characters a token are plenty
    ids = model.tokenize(text if count is None else text[:16 * count + 4096])
    if len(ids) < least:
        raise WrongUsage(f"--data {path}: {len(ids)} tokens, expected at least {least}")
    return ids if count is None else ids[:count]


def perplexity(a):
    model = llama_model.Model(a.model, a.threads, WINDOW, kv=a.kv, flash=a.flash)
    ids = text_ids(model, a.data, WINDOW)
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
        ours = json_of([a.evaluate, "--model", a.model, "--data", a.data, "--protocol", "llamacpp512", "--windows",
                        str(windows), "--weights", "as-is", "--threads", str(a.threads), "--json"])["results"][0]
        result["ours"] = ours
        result["ours_over_llama_cpp"] = ours["perplexity"] / value
    return result, 0


def argmax(a):
    model = llama_model.Model(a.model, a.threads, WINDOW, kv="f32", flash="off")
    ids = text_ids(model, a.data, 1, a.tokens)
    best, margins = [], []
    with writing(a.logits, "wb") if a.logits else contextlib.nullcontext() as dump:
        for start in range(0, len(ids), WINDOW):
            model.clear()
            model.decode(ids[start:start + WINDOW], rows="all")
            rows = model.logits()
            if dump:
                dump.write(rows.data)   # rows.tofile() does not say why it cannot
            top = np.partition(rows, -2, axis=1)[:, -2:]
            best += rows.argmax(1).tolist()
            margins += [round(float(m), 4) for m in top[:, 1] - top[:, 0]]
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


def arguments():
    p = Parser(__doc__)
    p.add_argument("mode", choices=["greedy", "perplexity", "argmax", "reference"])
    add_model_options(p)
    p.add_argument("--infer", type=program)
    p.add_argument("--evaluate", type=program)
    p.add_argument("--prompts", type=existing)
    p.add_argument("-n", type=whole(1), default=64)
    p.add_argument("--max-diff", type=not_negative, default=0.0, help="largest logit difference seen between the two")
    p.add_argument("--data", type=existing, help="a text file")
    p.add_argument("--windows", type=whole(0), default=0, help="0: all")
    p.add_argument("--tokens", type=whole(1), default=2048)
    p.add_argument("--logits", type=output)
    p.add_argument("--output", type=output, help="write the JSON here instead of stdout")
    p.add_argument("--source")
    p.add_argument("--scheme")
    p.add_argument("--name")
    a = p.parse_args()
    if a.mode != "greedy" and not a.data:
        p.error(f"{a.mode} needs --data with a text file")
    if a.mode == "reference" and not (a.source and a.scheme and a.name and a.output):
        p.error("reference needs --source, --scheme, --name and --output")
    return a


def main():
    a = arguments()
    global llama_model, np   # after the arguments: --help needs neither
    import llama_model
    import numpy as np
    if a.mode == "reference":
        known = read_json(a.output) if os.path.isfile(a.output) else {}
        if not isinstance(known, dict):
            raise WrongUsage(f"--output {a.output}: expected an object of references, found another JSON")
        known[a.name], status = reference(a)
        text = "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in known.items()) + "\n}\n"
    else:
        result, status = {"greedy": greedy, "perplexity": perplexity, "argmax": argmax}[a.mode](a)
        result = {"mode": a.mode, "model": a.model, **llama_model.about(), **result}
        text = json.dumps(result, ensure_ascii=False) + "\n"
    if a.output:
        write_text(text, a.output)
    else:
        print(text, end="")
    return status


if __name__ == "__main__":
    run(main)
