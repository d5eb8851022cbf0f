#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks Hugging Face transformers, in float32, what the real models answer; the answers go to tests/golden/data/real.

    make_real_references.py [--only greedy|logits|perplexity|gradients] [--models DIR] [--shared DIR] [--dump DIR] NAME...

NAME: qwen0.5b qwen1.5b smollm2 (GGUF files, dequantized by transformers), qwen0.5b-tie qwen1.5b-tie smollm2-folder
(Hugging Face folders made from them; a bfloat16 folder is computed in float32).

In:   model files and WikiText-2, neither of them part of the project.
Out:  <name>.greedy.json          prompts, ids, 64 greedy tokens, the margin (first - second logit) of every step
      <name>.logits.safetensors   the first 512 WikiText-2 test tokens: argmax, top_logit, logsumexp per position,
                                  and the logits of 32 seeded vocabulary columns
      <name>.gradients.json       --only, of folders: loss of the first 64 WikiText-2 test tokens as one sequence, in
                                  float64, and of each parameter's gradient the norm and its products with two seeded
                                  vectors of signs
      perplexity.json             gptq2048 and llamacpp512 over the first 16,384 tokens, window by window
      DUMP/<name>-logits.bin      optional: all 512 x V logits, float32, row-major, for a complete comparison
The WikiText ids themselves are not stored, only their FNV-1a hash: tokenize the file and compare.
Token ids: the official tokenizer.json for Qwen2.5, llama.cpp's vocabulary for smollm2 (its GGUF is its source).
Needs: pip install torch transformers accelerate gguf tokenizers safetensors; llama-cpp-python for smollm2
"""
import argparse
import ctypes
import hashlib
import importlib.metadata
import json
import math
import os
import time

import numpy as np
import tokenizers
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM, GgufConfig

import float64

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "real")
FILES = {"qwen0.5b": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "qwen1.5b": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
         "smollm2": "smollm2-135m-instruct-q4_1.gguf", "qwen0.5b-tie": "qwen0.5b-tie", "qwen1.5b-tie": "qwen1.5b-tie",
         "smollm2-folder": "smollm2"}
PREFIX, STEPS, LOGIT_TOKENS, COLUMNS, GRADIENT_TOKENS = 16384, 64, 512, 32, 64
CHATML = "<|im_start|>system\n%s<|im_end|>\n<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"
QWEN = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
SMOL = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
# (text, are control tokens parsed)
PROMPTS = [
    ("The capital of France is", False),
    ("def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n", False),
    ("#include <vector>\n\ntemplate <typename T>\nstd::vector<T> merge_sorted(const std::vector<T>& a, "
     "const std::vector<T>& b) {\n", False),
    ("SELECT customers.name, SUM(orders.total) FROM", False),
    ("When the river rises above the mark on the old bridge, the people of the valley", False),
    ("水は低きに流れる。洪水のとき、まず", False),
    ("人工智能正在改变世界。在未来十年里，", False),
    ("홍수가 나면 먼저", False),
    ("3.14159 26535 89793 23846; 1, 1, 2, 3, 5, 8, 13, 21,", False),
    ("🌊🏠🚒 Flood warning! 👩‍🚒 Please", False),
    ("Größe, naïve, Überschwemmung: auf Deutsch heißt „flood“", False),
    ("   \n\n\tleading space,   many   gaps\n\n\n- item one\n- item two\n-", False),
    ("{\"name\": \"libslm\", \"version\": \"0.1.0\", \"dependencies\": {", False),
    ("A", False),
    ("Write a function in Python that reverses a string.", True),
    ("How do I prepare my home for a flood? Answer in three short points.", True),
]


def official_ids(name, models, shared):
    """A function text, parse_control_tokens -> ids."""
    if name.startswith("qwen"):
        t = tokenizers.Tokenizer.from_file(os.path.join(shared, "data/tokenizers/qwen2.5/tokenizer.reconstructed.json"))
        return lambda text, special=False: t.encode(text, add_special_tokens=False).ids
    import llama_cpp as llama

    @llama.llama_log_callback
    def quiet(level, text, user):
        pass
    llama.llama_log_set(quiet, ctypes.c_void_p(0))
    parameters = llama.llama_model_default_params()
    parameters.vocab_only = True
    model = llama.llama_model_load_from_file(os.path.join(models, FILES["smollm2"]).encode(), parameters)
    vocab = llama.llama_model_get_vocab(model)

    def ids(text, special=False):
        data = text.encode()
        room = (llama.llama_token * (len(data) + 8))()
        n = llama.llama_tokenize(vocab, data, len(data), room, len(room), False, special)
        return list(room[:n])
    return ids


def load(name, models):
    path = os.path.join(models, FILES[name])
    options = {"dtype": torch.float32, "attn_implementation": "sdpa"}
    if os.path.isdir(path):
        model = AutoModelForCausalLM.from_pretrained(path, **options)
    else:
        model = AutoModelForCausalLM.from_pretrained(
            models, gguf_file=FILES[name], quantization_config=GgufConfig(dequantize=True), **options)
    assert all(p.dtype == torch.float32 for p in model.parameters())
    return model.eval()


def versions():
    return {p: importlib.metadata.version(p) for p in ("torch", "transformers", "tokenizers", "gguf")}


def about(name, models):
    path = os.path.join(models, FILES[name])
    weights = os.path.join(path, "model.safetensors") if os.path.isdir(path) else path
    digest = hashlib.sha256()
    with open(weights, "rb") as f:
        while chunk := f.read(1 << 24):
            digest.update(chunk)
    return {"model": name, "file": FILES[name], "weights_sha256": digest.hexdigest(), "dtype": "float32",
            "made_by": "tests/golden/make_real_references.py", "versions": versions()}


def fnv1a(ids):
    """64-bit FNV-1a over the little-endian int32 ids."""
    h = 0xcbf29ce484222325
    for byte in np.asarray(ids, "<i4").tobytes():
        h = ((h ^ byte) * 0x100000001b3) & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


# ---------------------------------------------------------------- greedy


def greedy(model, ids):
    past, step, new, margins = None, torch.tensor([ids]), [], []
    for _ in range(STEPS):
        with torch.no_grad():
            out = model(step, past_key_values=past, use_cache=True, logits_to_keep=1)
        top = out.logits[0, -1].topk(2)
        new.append(int(top.indices[0]))
        margins.append(round(float(top.values[0] - top.values[1]), 4))
        past, step = out.past_key_values, torch.tensor([[new[-1]]])
    return {"prompt_ids": list(ids), "ids": new, "margins": margins}


def write_greedy(name, model, encode, header):
    prompts = []
    for text, chat in PROMPTS:
        prompt = CHATML % (QWEN if name.startswith("qwen") else SMOL, text) if chat else text
        prompts.append({"prompt": prompt, "control_tokens": chat, **greedy(model, encode(prompt, chat))})
        print(f"  {name}: {text[:30]!r} least margin {min(prompts[-1]['margins']):.4f}", flush=True)
    with open(os.path.join(OUT, name + ".greedy.json"), "w", encoding="utf-8") as f:
        f.write(json.dumps({**header, "prompts": []}, ensure_ascii=False)[:-2] + "\n")
        f.write(",\n".join(json.dumps(p, ensure_ascii=False, separators=(",", ":")) for p in prompts) + "\n]}\n")


# ---------------------------------------------------------------- logits


def write_logits(name, model, ids, header, dump):
    ids = ids[:LOGIT_TOKENS]
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
        model.set_attn_implementation("eager")
        other = (model(torch.tensor([ids]), use_cache=False).logits[0] - logits).abs().max().item()
        model.set_attn_implementation("sdpa")
    top = logits.topk(2)
    columns = np.sort(np.random.default_rng(1).choice(logits.shape[1], COLUMNS, replace=False)).astype(np.int32)
    meta = {**header, "ids_fnv1a": fnv1a(ids), "tokens": len(ids), "text": "wiki.test.raw, as it is, no BOS",
            "max_difference_eager_to_sdpa": other}
    save_file({"columns": columns, "logits": logits[:, torch.from_numpy(columns).long()].numpy().copy(),
               "argmax": top.indices[:, 0].numpy().astype(np.int32), "top_logit": top.values[:, 0].numpy().copy(),
               "margin": (top.values[:, 0] - top.values[:, 1]).numpy().copy(),
               "logsumexp": torch.logsumexp(logits.double(), 1).float().numpy()},
              os.path.join(OUT, name + ".logits.safetensors"),
              metadata={k: v if isinstance(v, str) else json.dumps(v) for k, v in meta.items()})
    os.chmod(os.path.join(OUT, name + ".logits.safetensors"), 0o644)
    if dump:
        logits.numpy().tofile(os.path.join(dump, name + "-logits.bin"))
        np.asarray(ids, "<i4").tofile(os.path.join(dump, name + "-logits.ids.bin"))
    print(f"  {name}: eager against sdpa {other:.2e}, least margin {(top.values[:, 0] - top.values[:, 1]).min():.2e}")


# ---------------------------------------------------------------- gradients


def signs(count, seed):
    """The vector of +1 and -1 that the tests make too: the last bit of a hash of the index."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
    for shift, factor in ((15, 0x85EBCA77), (13, 0xC2B2AE3D)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    return 1.0 - 2.0 * ((h ^ (h >> np.uint32(16))) & np.uint32(1)).astype(np.float64)


def write_gradients(name, models, ids, header):
    model = AutoModelForCausalLM.from_pretrained(os.path.join(models, FILES[name]), dtype=torch.float64,
                                                 attn_implementation="sdpa")
    ids = ids[:GRADIENT_TOKENS]
    with float64.lifted():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]))
        loss.backward()
    tensors = {}
    for tensor, p in model.named_parameters():
        gradient = p.grad.numpy().reshape(-1)
        tensors[tensor] = {"norm": float(np.linalg.norm(gradient)),
                           "products": [float(gradient @ signs(gradient.size, seed)) for seed in (1, 2)]}
    with open(os.path.join(OUT, name + ".gradients.json"), "w", encoding="utf-8") as f:
        json.dump({**header, "dtype": "float64", "text": "wiki.test.raw, as it is, no BOS", "ids_fnv1a": fnv1a(ids),
                   "tokens": len(ids), "loss": loss.item(), "tensors": tensors}, f, indent=1)
        f.write("\n")
    print(f"  {name}: loss {loss.item():.6f}, {len(tensors)} gradients")


# ---------------------------------------------------------------- perplexity


def rows_joined(raw):
    """gptq2048: each line a row that keeps its newline, a blank line the empty row, joined by two newlines."""
    return "\n\n".join("" if not line.strip() else line + "\n" for line in raw.split("\n")[:-1])


def window_nll(model, window, first, last):
    """-log p of the targets first..last (positions in the window) in float64, summed, from float32 logits."""
    with torch.no_grad():
        hidden = model.model(torch.tensor([window]), use_cache=False).last_hidden_state[0, first - 1:last]
        losses = []
        for start in range(0, hidden.shape[0], 256):
            rows = model.lm_head(hidden[start:start + 256]).double()
            target = torch.tensor(window[first + start:first + start + rows.shape[0]])
            losses.append(torch.nn.functional.cross_entropy(rows, target, reduction="none"))
        return torch.cat(losses)


def protocol(model, ids, size, first):
    windows = [window_nll(model, ids[i:i + size], first, size - 1) for i in range(0, PREFIX, size)]
    all_nll = torch.cat(windows)
    nll, mean = all_nll.sum().item(), all_nll.mean().item()
    error = math.sqrt((all_nll.pow(2).mean().item() - mean * mean) / (len(all_nll) - 1))
    return {"windows": len(windows), "scored": len(all_nll), "nll_sum": nll, "mean_nll": mean,
            "perplexity": math.exp(mean), "stderr": math.exp(mean) * error, "ids_fnv1a": fnv1a(ids[:PREFIX]),
            "window_nll_sums": [round(w.sum().item(), 6) for w in windows]}


def write_perplexity(name, model, encode, raw, header):
    path = os.path.join(OUT, "perplexity.json")
    for label, text, size, first in (("llamacpp512", raw, 512, 257), ("gptq2048", rows_joined(raw), 2048, 1)):
        started = time.time()
        ids = encode(text)
        result = {"tokens_of_whole_file": len(ids), **protocol(model, ids, size, first)}
        print(f"  {name} {label}: {result['perplexity']:.6f} +- {result['stderr']:.4f} "
              f"({time.time() - started:.0f} s)", flush=True)
        whole = {}
        if os.path.exists(path):
            with open(path) as f:
                whole = json.load(f)
        known = whole.get(name, {}).get("protocols", {})
        whole[name] = {**header, "text": "first 16384 tokens of wiki.test.raw", "bos": "none (add_bos_token is false)",
                       "protocols": {**known, label: result}}
        with open(path, "w") as f:
            json.dump(dict(sorted(whole.items())), f, indent=1)
            f.write("\n")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("names", nargs="+", choices=list(FILES))
    a.add_argument("--only", choices=["greedy", "logits", "perplexity", "gradients"])
    a.add_argument("--models", default=os.environ.get("SLM_MODELS", os.path.join(here, "../../../models")))
    a.add_argument("--shared", default=os.path.join(here, "../../../shared"))
    a.add_argument("--dump", help="folder for the complete logits")
    a.add_argument("--threads", type=int, default=2)
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(a.shared, "data/wikitext2/raw/wiki.test.raw"), encoding="utf-8", newline="") as f:
        raw = f.read()
    for name in a.names:
        encode, header = official_ids(name, a.models, a.shared), about(name, a.models)
        if a.only == "gradients":
            write_gradients(name, a.models, encode(raw[:8192]), header)
            continue
        model = load(name, a.models)
        if a.only in (None, "logits"):
            write_logits(name, model, encode(raw), header, a.dump)
        if a.only in (None, "greedy"):
            write_greedy(name, model, encode, header)
        if a.only in (None, "perplexity"):
            write_perplexity(name, model, encode, raw, header)


if __name__ == "__main__":
    main()
