#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/data/tiny: tiny random-weight models of each family, whole enough for every program,
with the answers of Hugging Face transformers.

In:   nothing (all seeded).
Out:  <name>/            Hugging Face folder: config.json, *.safetensors, tokenizer.json, chat template
      <name>/golden.json         versions, ids, greedy continuation with margins, tokenizer and chat cases
      <name>/golden.safetensors  f32: logits (T,V), hidden.0 = after the embedding, hidden.i = after block i,
                                 hidden.norm = after the final norm (all T x D)
      gguf/<name>.gguf     the same models, or one of its own, as GGUF; .golden.json, .golden.safetensors (logits)
                           beside it where the weights are not those of the folder (llama_tied_f32: they are)

The truth is transformers' own model run in float64 (float64.py).
Needs: pip install torch transformers gguf tokenizers safetensors
"""
import json
import os
import shutil
import sys

import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM)

from float64 import answers, greedy
from tiny_gguf import KIND, write_gguf
from tiny_tokenizers import SPECIAL, chatml, make_tokenizer, tokenizer_answers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "tiny")
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__, "gguf": __import__("importlib.metadata").metadata.version("gguf")}
TOKENS = 16        # length of the scored sequence
GREEDY = 24        # tokens of the greedy continuation

# ---------------------------------------------------------------- weights


def randomize(model, seed):
    """Gain 1.5 per matrix, norm weights in [0.5, 1.5], non-zero biases: nothing is 0, 1 or flat."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        with torch.no_grad():
            if "norm" in name:
                p.copy_(0.5 + torch.rand(p.shape, generator=generator, dtype=torch.float64))
            elif name.endswith("bias"):
                p.copy_(0.3 * torch.randn(p.shape, generator=generator, dtype=torch.float64))
            elif "embed_tokens" in name:
                p.copy_(0.5 * torch.randn(p.shape, generator=generator, dtype=torch.float64))
            else:
                p.copy_(1.5 / p.shape[1] ** 0.5 * torch.randn(p.shape, generator=generator, dtype=torch.float64))


# ---------------------------------------------------------------- one model


def write_golden(base, model64, extra, hidden=True):
    """base: path prefix; model64: float64 model with exactly the stored weights."""
    ids = torch.randint(0, 317, (TOKENS,), generator=torch.Generator().manual_seed(7)).tolist()
    truth = answers(model64, ids)
    single = model64.float()
    with torch.no_grad():
        float32_error = (single(torch.tensor([ids])).logits[0].double() - truth["logits"]).abs().max().item()
    model64.double()
    save_file({k: v.float().contiguous() for k, v in truth.items() if hidden or k == "logits"}, base + "golden.safetensors")
    os.chmod(base + "golden.safetensors", 0o644)
    golden = {"made_by": "tests/golden/make_tiny_models.py", "versions": VERSIONS, "ids": ids,
              "logits_std": round(truth["logits"].std().item(), 4),
              "max_logit_error_of_transformers_in_float32": float32_error,
              "greedy": {"prompt_ids": ids[:8], **greedy(model64, ids[:8], GREEDY)}, **extra}
    with open(base + "golden.json", "w", encoding="utf-8") as f:
        json.dump(golden, f, ensure_ascii=False)
        f.write("\n")
    print(f"{os.path.relpath(base, ROOT)}: logits std {golden['logits_std']}, float32 error {float32_error:.2e}, "
          f"least greedy margin {min(golden['greedy']['margins']):.4f}")


def save_folder(name, model, dtype, kind, template, template_file=False, shard=None, rope_at_top=False, eos=None):
    folder = os.path.join(ROOT, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype)
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    path = os.path.join(folder, "config.json")
    with open(path) as f:
        config = json.load(f)
    if rope_at_top:                     # the layout of transformers 4
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
        config["torch_dtype"] = config.pop("dtype")
    with open(path, "w") as f:
        json.dump(config, f, indent=1)
    with open(os.path.join(folder, "generation_config.json"), "w") as f:
        json.dump({"bos_token_id": 317, "eos_token_id": eos or 319, "transformers_version": VERSIONS["transformers"]},
                  f, indent=1)
    backend = make_tokenizer(kind)
    backend.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    fields = {"tokenizer_class": "Qwen2Tokenizer" if kind == "qwen2" else "GPT2Tokenizer", "add_prefix_space": False,
              "add_bos_token": False, "bos_token": SPECIAL[0], "eos_token": SPECIAL[2], "pad_token": SPECIAL[0],
              "model_max_length": config["max_position_embeddings"]}
    if template_file:
        with open(os.path.join(folder, "chat_template.jinja"), "w") as f:
            f.write(template)
    else:
        fields["chat_template"] = template
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump(fields, f, indent=1)
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template)
    again = type(model).from_pretrained(folder, dtype=torch.float64, attn_implementation="sdpa")
    assert again.config.rope_parameters["rope_theta"] == model.config.rope_parameters["rope_theta"]
    for (n, a), (_, b) in zip(model.named_parameters(), again.named_parameters()):
        assert torch.equal(a.double(), b), n
    write_golden(folder + os.sep, again, {"tokenizer": tokenizer_answers(fast)})
    return again


def save_gguf(name, model, kind_of, tokenizer_kind, template, golden=True):
    os.makedirs(os.path.join(ROOT, "gguf"), exist_ok=True)
    path = os.path.join(ROOT, "gguf", name + ".gguf")
    types = write_gguf(path, model, kind_of, tokenizer_kind, template)
    if golden:
        write_golden(path.removesuffix("gguf"), model, {"types": types}, hidden=False)


# ---------------------------------------------------------------- the models


def config(kind, **fields):
    return kind(**{"vocab_size": 320, "max_position_embeddings": 512, "bos_token_id": 317, "eos_token_id": 319,
                   "pad_token_id": 317, "num_key_value_heads": 2, "num_attention_heads": 4,
                   "attn_implementation": "sdpa", **fields})


def rope(theta):
    return {"rope_theta": theta, "rope_type": "default"}


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    shutil.rmtree(ROOT, ignore_errors=True)
    qwen_system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    smol_system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

    # BF16; tied; more rows than the tokenizer has ids, as the real Qwen2.5
    m = Qwen2ForCausalLM(config(Qwen2Config, vocab_size=336, hidden_size=64, intermediate_size=64,
                                num_hidden_layers=3, rms_norm_eps=1e-6, rope_parameters=rope(1e6),
                                tie_word_embeddings=True))
    randomize(m, 1)
    save_folder("qwen2_tied", m, torch.bfloat16, "qwen2", chatml(qwen_system), eos=[319, 317])

    # F32 in two shards; untied; one kv head; rope_theta at the top
    m = Qwen2ForCausalLM(config(Qwen2Config, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                                num_key_value_heads=1, rms_norm_eps=1e-5, rope_parameters=rope(1e4),
                                tie_word_embeddings=False))
    randomize(m, 2)
    again = save_folder("qwen2_untied", m, torch.float32, "qwen2", chatml(None), shard="90KB", rope_at_top=True)
    save_gguf("qwen2_untied_q4_0", again, lambda n, s: KIND.Q8_0 if n == "output.weight" else KIND.Q4_0, "qwen2",
               chatml(None))

    # F32; tied; head_dim 16 is not hidden/heads = 8; chat template in a file of its own
    m = LlamaForCausalLM(config(LlamaConfig, hidden_size=32, intermediate_size=64, num_hidden_layers=2, head_dim=16,
                                rms_norm_eps=1e-5, rope_parameters=rope(1e5), tie_word_embeddings=True))
    randomize(m, 3)
    again = save_folder("llama_tied", m, torch.float32, "smollm", chatml(smol_system), template_file=True)
    save_gguf("llama_tied_f32", again, lambda n, s: KIND.F32, "smollm", chatml(smol_system), golden=False)
    save_gguf("llama_tied_q8_0", again, lambda n, s: KIND.Q4_1 if "ffn_down" in n else KIND.Q8_0, "smollm",
               chatml(smol_system))

    # F16; untied; as many kv heads as heads
    m = LlamaForCausalLM(config(LlamaConfig, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                                num_key_value_heads=4, rms_norm_eps=1e-6, rope_parameters=rope(1e4), tie_word_embeddings=False))
    randomize(m, 4)
    save_folder("llama_untied", m, torch.float16, "smollm", chatml(smol_system), rope_at_top=True)

    # every GGUF type that the reader knows, in one file (K types want rows of 256: ffn_down)
    m = Qwen2ForCausalLM(config(Qwen2Config, hidden_size=32, intermediate_size=256, num_hidden_layers=5,
                                rms_norm_eps=1e-6, rope_parameters=rope(1e6), tie_word_embeddings=True)).double()
    randomize(m, 5)
    down = [KIND.Q6_K, KIND.Q4_K, KIND.Q5_K, KIND.Q3_K, KIND.Q2_K]
    up = [KIND.Q4_0, KIND.Q4_1, KIND.Q5_0, KIND.Q5_1, KIND.Q8_0]
    attention = [KIND.F16, KIND.BF16, KIND.F32, KIND.Q5_0, KIND.Q5_1]

    def mixed(name, shape):
        if not name.startswith("blk."):
            return KIND.Q8_0
        layer = int(name.split(".")[1])
        return (down if "ffn_down" in name else up if "ffn" in name else attention)[layer]
    save_gguf("qwen2_mixed", m, mixed, "qwen2", chatml(qwen_system))

    with open(os.path.join(ROOT, "README.md"), "w") as f:
        f.write("Tiny random-weight models and the answers of transformers, made by "
                "[make_tiny_models.py](../../make_tiny_models.py); do not edit.\n")
    total = sum(os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(ROOT) for n in names)
    print(f"{total} bytes in {ROOT}, made by {json.dumps(VERSIONS)}", file=sys.stderr)


if __name__ == "__main__":
    main()
