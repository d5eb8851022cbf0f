#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/eval/golden/perplexity.json: what transformers, in float64, says of random ids under each protocol's
windows on the tiny models, and the KL of one quantized file to the model it was made from.

In:   tests/golden/data/tiny (make_tiny_models.py).  Out: perplexity.json beside this script.
Needs: pip install torch transformers gguf tokenizers safetensors
"""
import json
import os
import sys

import gguf
import torch
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../golden"))
from float64 import answers  # noqa: E402
from make_tiny_models import ROOT, VERSIONS  # noqa: E402
from tiny_gguf import gguf_name  # noqa: E402

BOS = 317


def load(folder):
    return AutoModelForCausalLM.from_pretrained(os.path.join(ROOT, folder), dtype=torch.float64,
                                                attn_implementation="sdpa")


def overlay(model, file):
    """The values of a GGUF file of the same architecture (qwen2: nothing is permuted)."""
    tensors = {t.name: t for t in gguf.GGUFReader(os.path.join(ROOT, "gguf", file)).tensors}
    for name, p in model.named_parameters():
        t = tensors[gguf_name(name)]
        values = gguf.quants.dequantize(t.data, t.tensor_type).reshape(p.shape)
        with torch.no_grad():
            p.copy_(torch.from_numpy(values.copy()).double())
    return model


def score(model, ids, windows, bos=None):
    """windows: (begin, first counted, end); the id at `begin` is replaced by bos, if given."""
    nll = []
    for begin, first, end in windows:
        window = ([bos] if bos is not None else ids[begin:begin + 1]) + ids[begin + 1:end]
        log_p = torch.log_softmax(answers(model, window[:-1])["logits"], -1)
        nll += [-log_p[t - 1, window[t]].item() for t in range(first - begin, end - begin)]
    nll = torch.tensor(nll, dtype=torch.float64)
    mean = nll.mean()
    return {"windows": windows, "bos": bos, "tokens": len(nll), "mean_nll": mean.item(), "perplexity": mean.exp().item(),
            "stderr": (mean.exp() * nll.std() / len(nll) ** 0.5).item()}


def divergence(reference, model, ids):
    p, q = (torch.log_softmax(answers(m, ids)["logits"], -1) for m in (reference, model))
    kl = (p.exp() * (p - q)).sum(-1)
    return {"file": "gguf/qwen2_untied_q4_0.gguf", "ids": ids, "positions": len(kl), "mean": kl.mean().item(),
            "stderr": (kl.std() / len(kl) ** 0.5).item(), "agreed": int((p.argmax(-1) == q.argmax(-1)).sum())}


def main():
    ids = torch.randint(0, 317, (1100,), generator=torch.Generator().manual_seed(11)).tolist()
    plans = {"llamacpp512": ([(0, 257, 512), (512, 769, 1024)], None),
             "llamacpp512_bos": ([(0, 257, 512), (512, 769, 1024)], BOS),
             # W = 64, S = 24 over 150 ids: each token but the first once, at least 40 before it
             "rolling": ([(0, 1, 64), (24, 64, 88), (48, 88, 112), (72, 112, 136), (96, 136, 150)], None)}
    models = {}
    for folder in ("qwen2_tied", "llama_untied"):
        model = load(folder)
        models[folder] = {name: score(model, ids, *plan) for name, plan in plans.items()}
    reference = load("qwen2_untied")
    kl = divergence(reference, overlay(load("qwen2_untied"), "qwen2_untied_q4_0.gguf"), ids[:200])
    with open(os.path.join(HERE, "perplexity.json"), "w") as f:
        json.dump({"made_by": "tests/eval/golden/make_expectations.py", "versions": VERSIONS, "ids": ids,
                   "models": models, "kl": kl}, f)
        f.write("\n")


if __name__ == "__main__":
    main()
