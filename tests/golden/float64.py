# SPDX-License-Identifier: Apache-2.0
"""transformers' own Qwen2 and Llama run in float64: its three float32 islands (RMSNorm, rotary tables, softmax) are
lifted to float64, so a float32 implementation may be held to a bound of its own rounding."""
import contextlib

import torch
from transformers.models.llama import modeling_llama
from transformers.models.qwen2 import modeling_qwen2


def norm64(self, x):
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def rotary64(self, x, position_ids):
    theta, width = self.config.rope_parameters["rope_theta"], head_dim(self.config)
    inverse = theta ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = position_ids[..., None].double() * inverse
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def head_dim(config):
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


@contextlib.contextmanager
def lifted():
    """transformers computes in float64 throughout."""
    kinds = {modeling_qwen2.Qwen2RMSNorm: norm64, modeling_llama.LlamaRMSNorm: norm64,
             modeling_qwen2.Qwen2RotaryEmbedding: rotary64, modeling_llama.LlamaRotaryEmbedding: rotary64}
    saved = {kind: kind.forward for kind in kinds}
    try:
        for kind, forward in kinds.items():
            kind.forward = forward
        yield
    finally:
        for kind, forward in saved.items():
            kind.forward = forward


def answers(model, ids):
    """Runs `model` in float64; returns float64 tensors by name."""
    out, hooks = {}, []

    def keep(name):
        def hook(module, inputs, output):
            out[name] = (output[0] if isinstance(output, tuple) else output).reshape(len(ids), -1).clone()
        return hook
    try:
        hooks.append(model.model.embed_tokens.register_forward_hook(keep("hidden.0")))
        for i, block in enumerate(model.model.layers):
            hooks.append(block.register_forward_hook(keep(f"hidden.{i + 1}")))
        hooks.append(model.model.norm.register_forward_hook(keep("hidden.norm")))
        with torch.no_grad(), lifted():
            out["logits"] = model(torch.tensor([ids]), use_cache=False).logits[0].clone()
    finally:
        for hook in hooks:
            hook.remove()
    assert all(t.dtype == torch.float64 for t in out.values())
    return out


def greedy(model, ids, count):
    ids, new, margins = list(ids), [], []
    for _ in range(count):
        top = answers(model, ids)["logits"][-1].topk(2)
        new.append(int(top.indices[0]))
        margins.append(round(float(top.values[0] - top.values[1]), 6))
        ids.append(new[-1])
    return {"ids": new, "margins": margins}
