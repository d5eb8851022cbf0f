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

The truth is transformers' own model run in float64: its three float32 islands (RMSNorm, rotary tables,
softmax) are lifted to float64 here, so a float32 implementation may be held to a bound of its own rounding.
Needs: pip install torch transformers gguf tokenizers safetensors
"""
import json
import os
import shutil
import sys

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM)
from transformers.models.llama import modeling_llama
from transformers.models.qwen2 import modeling_qwen2

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "tiny")
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__, "gguf": __import__("importlib.metadata").metadata.version("gguf")}
TOKENS = 16        # length of the scored sequence
GREEDY = 24        # tokens of the greedy continuation
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

# ---------------------------------------------------------------- float64 all the way


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


def answers(model, ids):
    """Runs `model` in float64; returns float64 tensors by name."""
    kinds = {modeling_qwen2.Qwen2RMSNorm: norm64, modeling_llama.LlamaRMSNorm: norm64,
             modeling_qwen2.Qwen2RotaryEmbedding: rotary64, modeling_llama.LlamaRotaryEmbedding: rotary64}
    saved = {kind: kind.forward for kind in kinds}
    out, hooks = {}, []

    def keep(name):
        def hook(module, inputs, output):
            out[name] = (output[0] if isinstance(output, tuple) else output).reshape(len(ids), -1).clone()
        return hook
    try:
        for kind, forward in kinds.items():
            kind.forward = forward
        hooks.append(model.model.embed_tokens.register_forward_hook(keep("hidden.0")))
        for i, block in enumerate(model.model.layers):
            hooks.append(block.register_forward_hook(keep(f"hidden.{i + 1}")))
        hooks.append(model.model.norm.register_forward_hook(keep("hidden.norm")))
        with torch.no_grad():
            out["logits"] = model(torch.tensor([ids]), use_cache=False).logits[0].clone()
    finally:
        for hook in hooks:
            hook.remove()
        for kind, forward in saved.items():
            kind.forward = forward
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


# ---------------------------------------------------------------- tokenizer

TEXT = """The river rose in the night and the town moved to higher ground. When the water was low again
the people came back, counted what was left, and wrote down the height of the flood on the wall of the mill.
Then they went on with the harvest; there is nothing else that one can do in the end.
for (int i = 0; i < n; ++i) { sum += x[i] * y[i]; } return sum; def main(): print("the answer is", 42)
""" * 4
QWEN_SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
              r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TURN = "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
ASSISTANT = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"


def chatml(system):
    default = "" if not system else (
        "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n" + system +
        "<|im_end|>\\n' }}{% endif %}")
    return "{% for message in messages %}" + default + TURN + "{% endfor %}" + ASSISTANT


def make_tokenizer(kind):
    """320 ids: 256 bytes, 61 merges, 3 control tokens. kind: qwen2 | smollm (its pre-tokenizer)."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    t = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind != "qwen2")
    if kind == "qwen2":
        t.normalizer = normalizers.NFC()
        t.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(QWEN_SPLIT), behavior="isolated"), byte_level])
    else:
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator([TEXT], trainers.BpeTrainer(
        vocab_size=320 - len(SPECIAL), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False))
    t.add_special_tokens([tokenizers.AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    assert t.get_vocab_size() == 320
    return t


CASES = ["the river rose", "  leading and   inner spaces \n\n\tand tabs", "it's 2024: 3.14159 + 42",
         "Größe, naïve, e\u0301 and \u00e9", "水は低きに流れる", "🌊🏠 flood 👩‍🚒",
         "", "\n", "for (int i = 0; i < n; ++i) { sum += x[i]; }"]
CHATS = [[{"role": "user", "content": "Is the bridge open?"}],
         [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": "Hi"},
          {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "And now?"}]]


def tokenizer_answers(fast):
    plain = fast.backend_tokenizer
    cases = []
    for text in CASES:
        ids = plain.encode(text, add_special_tokens=False).ids
        cases.append({"text": text, "ids": ids, "decoded": plain.decode(ids, skip_special_tokens=False)})
    parsed = "a<|im_start|>b<|im_end|>"
    chats = []
    for messages in CHATS:
        text = fast.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        chats.append({"messages": messages, "text": text, "ids": plain.encode(text, add_special_tokens=False).ids})
    return {"cases": cases, "control_tokens_parsed": {"text": parsed, "ids": plain.encode(parsed).ids},
            "chats": chats}


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


# ---------------------------------------------------------------- GGUF

GGUF_NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
              "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
              "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
KIND = gguf.GGMLQuantizationType


def gguf_name(name):
    fixed = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
    if name in fixed:
        return fixed[name]
    layer, rest = name.removeprefix("model.layers.").split(".", 1)
    module, suffix = rest.rsplit(".", 1)
    return f"blk.{layer}.{GGUF_NAMES[module]}.{suffix}"


def permute(w, heads):
    """GGUF keeps q/k of `llama` with the two rotary halves interleaved (convert_hf_to_gguf.py, LlamaModel.permute)."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def unpermute(w, heads):
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def random_blocks(kind, shape, target_std, random):
    """Random bytes are valid K-quant codes; only the f16 scales are chosen. Returns raw blocks (rows, bytes)."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = random.integers(0, 256, (shape[0] * shape[1] // block, size), dtype=np.uint8)
    scales = {"Q6_K": [208], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q3_K": [108], "Q2_K": [80, 82]}[kind.name]
    for position in scales:
        raw[:, position:position + 2] = np.frombuffer(np.float16(1).tobytes(), np.uint8)
    spread = gguf.quants.dequantize(raw.reshape(-1), kind).std()
    for position in scales:      # signs of d vary too, where the format lets them
        d = (target_std / spread * random.uniform(0.5, 1.5, len(raw))).astype(np.float16)
        raw[:, position:position + 2] = d.reshape(-1, 1).view(np.uint8)
    return raw.reshape(shape[0], -1)


def write_gguf(name, model, kind_of, tokenizer_kind, template, golden=True):
    """kind_of(gguf tensor name, shape) -> quantization type. The model is changed to the dequantized weights."""
    config = model.config
    architecture, heads, kv = config.model_type, config.num_attention_heads, config.num_key_value_heads
    os.makedirs(os.path.join(ROOT, "gguf"), exist_ok=True)
    path = os.path.join(ROOT, "gguf", name + ".gguf")
    w = gguf.GGUFWriter(path, architecture)
    w.add_name(name)
    w.add_context_length(config.max_position_embeddings)
    w.add_embedding_length(config.hidden_size)
    w.add_block_count(config.num_hidden_layers)
    w.add_feed_forward_length(config.intermediate_size)
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_rope_freq_base(config.rope_parameters["rope_theta"])
    w.add_layer_norm_rms_eps(config.rms_norm_eps)
    w.add_rope_dimension_count(head_dim(config))
    w.add_key_length(head_dim(config))
    w.add_value_length(head_dim(config))
    w.add_vocab_size(config.vocab_size)
    fields = json.loads(make_tokenizer(tokenizer_kind).to_str())
    vocabulary = {**fields["model"]["vocab"], **{t["content"]: t["id"] for t in fields["added_tokens"]}}
    pieces = sorted(vocabulary, key=vocabulary.get)
    pieces += [f"[PAD{i}]" for i in range(len(pieces), config.vocab_size)]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2" if tokenizer_kind == "qwen2" else "smollm")
    w.add_token_list(pieces)
    w.add_token_types([3 if p in SPECIAL else 5 if p.startswith("[PAD") else 1 for p in pieces])
    w.add_token_merges([" ".join(m) for m in fields["model"]["merges"]])
    w.add_bos_token_id(317)
    w.add_eos_token_id(319)
    w.add_pad_token_id(317)
    w.add_add_bos_token(False)
    w.add_chat_template(template)
    random = np.random.default_rng(len(name))
    types = {}
    for hf, p in model.named_parameters():
        target = gguf_name(hf)
        values = p.detach().float().numpy()
        many = heads if "attn_q" in target else kv if "attn_k" in target and "norm" not in target else 0
        if architecture == "llama" and many:
            values = permute(values, many)
        kind = KIND.F32 if values.ndim == 1 else kind_of(target, values.shape)
        types[target] = kind.name
        if kind.name.endswith("_K"):
            raw = random_blocks(kind, values.shape, 1.5 / values.shape[1] ** 0.5, random)
        else:
            raw = gguf.quants.quantize(np.ascontiguousarray(values), kind)
        back = gguf.quants.dequantize(raw, kind).reshape(values.shape).astype(np.float32)
        if architecture == "llama" and many:
            back = unpermute(back, many)
        with torch.no_grad():
            p.copy_(torch.from_numpy(np.ascontiguousarray(back)).double())
        w.add_tensor(target, raw, raw_dtype=None if kind == KIND.F32 else kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
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
    write_gguf("qwen2_untied_q4_0", again, lambda n, s: KIND.Q8_0 if n == "output.weight" else KIND.Q4_0, "qwen2",
               chatml(None))

    # F32; tied; head_dim 16 is not hidden/heads = 8; chat template in a file of its own
    m = LlamaForCausalLM(config(LlamaConfig, hidden_size=32, intermediate_size=64, num_hidden_layers=2, head_dim=16,
                                rms_norm_eps=1e-5, rope_parameters=rope(1e5), tie_word_embeddings=True))
    randomize(m, 3)
    again = save_folder("llama_tied", m, torch.float32, "smollm", chatml(smol_system), template_file=True)
    write_gguf("llama_tied_f32", again, lambda n, s: KIND.F32, "smollm", chatml(smol_system), golden=False)
    write_gguf("llama_tied_q8_0", again, lambda n, s: KIND.Q4_1 if "ffn_down" in n else KIND.Q8_0, "smollm",
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
    write_gguf("qwen2_mixed", m, mixed, "qwen2", chatml(qwen_system))

    with open(os.path.join(ROOT, "README.md"), "w") as f:
        f.write("Tiny random-weight models and the answers of transformers, made by "
                "[make_tiny_models.py](../../make_tiny_models.py); do not edit.\n")
    total = sum(os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(ROOT) for n in names)
    print(f"{total} bytes in {ROOT}, made by {json.dumps(VERSIONS)}", file=sys.stderr)


if __name__ == "__main__":
    main()
