#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/data/training: what PyTorch, in float64, says of training steps of the tiny models.

In:   tests/golden/data/tiny (make_tiny_models.py).
Out:  <case>.safetensors   the gradient of every parameter (f32), by its Hugging Face name
      training.json        cases: {name, student, teacher, scheme, activations, kd_weight, temperature, documents,
                           loss, adamw {learning_rate, …, losses}}

Documents are run one by one and their losses summed: the truth about several documents in one batch. Every token but a
document's first is a target, the ones marked -100 are not. The quantizers are written down here once more, from their
formulas: codes in float32 as the grids say, values and the straight-through estimator in float64.
Needs: pip install torch transformers gguf tokenizers safetensors
"""
import json
import os

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

import float64
from make_tiny_models import ROOT, VERSIONS

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "training")
ADAMW = {"learning_rate": 5e-4, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1, "steps": 10}
IGNORED = -100


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, value, mask):
        ctx.save_for_backward(mask)
        return value

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0], None, None


class Margin:
    """How near any code came to a rounding tie: a float32 implementation may fall on the other side of a near one."""
    least = 1.0
    ENOUGH = 3e-4

    @classmethod
    def see(cls, quotient):
        cls.least = min(cls.least, (quotient - quotient.floor() - 0.5).abs().min().item())


def q4_0(w):
    """gguf/quants.py: d = signed value of largest magnitude / -8, code = trunc(x/d + 8.5), value = (code - 8) * f16(d)"""
    x = w.float().reshape(-1, 32)
    first = torch.from_numpy(x.abs().numpy().argmax(1))   # of equals the first, which torch does not promise
    top = x.gather(1, first[:, None])
    d = top / -8
    code = (x * torch.where(d == 0, torch.zeros_like(d), 1 / d) + 8.5).trunc()
    mask = (code >= 0) & (code <= 15)
    value = (code.clamp(0, 15) - 8).double() * d.half().double()
    return value.reshape(w.shape), mask.double().reshape(w.shape)


def w8c(w):
    d = w.float().abs().amax(1, keepdim=True) / 127
    code = torch.round(w.float() * (1 / d))
    return (code.clamp(-127, 127).double() * d.double()), torch.ones_like(w)


def a8(x, group, half_scale):
    """d = max|x| / 127, code = rint(x * (127 / max|x|)); the scale of groups of 32 is stored as a half"""
    rows = x.reshape(-1, group)
    top = rows.abs().amax(1, keepdim=True)
    quotient = rows * (127 / top)
    Margin.see(quotient)
    d = (top / 127).float()
    if half_scale:
        Margin.see(d.double() / 2.0 ** (torch.floor(torch.log2(d.double())) - 10))   # in units of the half's last place
        d = d.half()
    d = d.double()
    return (torch.round(quotient) * d).reshape(x.shape), torch.ones_like(x)


WEIGHTS = {"w4g32": q4_0, "w8c": w8c}
ACTIVATIONS = {"a8g32": lambda x: a8(x, 32, True), "a8t": lambda x: a8(x, x.shape[-1], False)}


def quantized_linear(scheme, activations):
    def forward(self, x):
        value, mask = WEIGHTS[scheme](self.weight.detach())
        w = StraightThrough.apply(self.weight, value, mask)
        value, mask = ACTIVATIONS[activations](x.detach())
        return torch.nn.functional.linear(StraightThrough.apply(x, value, mask), w, self.bias)
    return forward


def quantized_embedding(scheme):
    def forward(self, ids):
        value, mask = WEIGHTS[scheme](self.weight.detach())
        return torch.nn.functional.embedding(ids, StraightThrough.apply(self.weight, value, mask))
    return forward


def load(name):
    return AutoModelForCausalLM.from_pretrained(os.path.join(ROOT, name), dtype=torch.float64, attn_implementation="sdpa")


def loss_of(student, teacher, documents, kd_weight, temperature, kd_vocab):
    total, targets = 0.0, sum(label != IGNORED for d in documents for label in d["labels"])
    for d in documents:
        ids = torch.tensor([d["ids"]])
        labels = torch.tensor(d["labels"])
        keep = labels != IGNORED
        logits = student(ids, use_cache=False).logits[0][keep]
        total = total + (1 - kd_weight) * torch.nn.functional.cross_entropy(logits, labels[keep], reduction="sum")
        if teacher is not None:
            with torch.no_grad():
                goal = torch.log_softmax(teacher(ids, use_cache=False).logits[0][keep][:, :kd_vocab] / temperature, -1)
            mine = torch.log_softmax(logits[:, :kd_vocab] / temperature, -1)
            total = total + kd_weight * temperature ** 2 * (goal.exp() * (goal - mine)).sum()
    return total / targets


def make_documents(seed, lengths):
    generator = torch.Generator().manual_seed(seed)
    documents = []
    for length in lengths:
        ids = torch.randint(0, 317, (length,), generator=generator).tolist()
        labels = ids[1:] + [IGNORED]
        if length > 6:
            labels[2] = labels[5] = IGNORED
        documents.append({"ids": ids, "labels": labels})
    return documents


def case(name, student, teacher=None, scheme=None, activations=None, kd_weight=0.0, temperature=1.0, kd_vocab=0,
         adamw=False):
    kinds = {torch.nn.Linear: torch.nn.Linear.forward, torch.nn.Embedding: torch.nn.Embedding.forward}
    model = load(student)
    other = load(teacher) if teacher else None
    for seed in range(11, 3000):     # until no code lies near a rounding tie
        documents = make_documents(seed, (7, 1, 4) if scheme else (12, 1, 7))
        Margin.least = 1.0
        with float64.lifted():
            if scheme:
                assert teacher is None
                torch.nn.Linear.forward = quantized_linear(scheme, activations)
                torch.nn.Embedding.forward = quantized_embedding(scheme)
            try:
                loss = loss_of(model, other, documents, kd_weight, temperature, kd_vocab)
                if Margin.least > Margin.ENOUGH:
                    loss.backward()
                    break
            finally:
                for kind, forward in kinds.items():
                    kind.forward = forward
    else:
        raise SystemExit(f"{name}: every seed has a code near a tie")
    save_file({n: p.grad.float().contiguous() for n, p in model.named_parameters()},
              os.path.join(OUT, name + ".safetensors"))
    os.chmod(os.path.join(OUT, name + ".safetensors"), 0o644)
    record = {"name": name, "student": student, "teacher": teacher, "scheme": scheme, "activations": activations,
              "kd_weight": kd_weight, "temperature": temperature, "kd_vocab": kd_vocab, "documents": documents,
              "loss": loss.item(), "margin": Margin.least if scheme else None}
    if adamw:
        decayed = [p for p in model.parameters() if p.dim() == 2]
        others = [p for p in model.parameters() if p.dim() == 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": ADAMW["weight_decay"]}, {"params": others, "weight_decay": 0.0}],
            lr=ADAMW["learning_rate"], betas=(ADAMW["beta1"], ADAMW["beta2"]), eps=ADAMW["eps"])
        losses = []
        with float64.lifted():
            for _ in range(ADAMW["steps"]):
                optimizer.zero_grad()
                loss = loss_of(model, other, documents, kd_weight, temperature, kd_vocab)
                loss.backward()
                losses.append(loss.item())
                optimizer.step()
        record["adamw"] = {**ADAMW, "losses": losses}
    print(f"{name}: loss {record['loss']:.6f}, least margin {Margin.least:.1e}")
    return record


def main():
    torch.set_num_threads(1)
    os.makedirs(OUT, exist_ok=True)
    cases = [case("qwen2_tied", "qwen2_tied", adamw=True), case("qwen2_untied", "qwen2_untied", adamw=True),
             case("llama_tied", "llama_tied", adamw=True),
             case("qwen2_tied_w4g32", "qwen2_tied", scheme="w4g32", activations="a8g32"),
             case("llama_tied_w8c", "llama_tied", scheme="w8c", activations="a8t"),
             case("qwen2_tied_kd", "qwen2_tied", teacher="qwen2_untied", kd_weight=0.7, temperature=2.0, kd_vocab=320,
                  adamw=True)]
    with open(os.path.join(OUT, "training.json"), "w", encoding="utf-8") as f:
        json.dump({"made_by": "tests/golden/make_training_references.py", "versions": VERSIONS, "cases": cases}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
