# SPDX-License-Identifier: Apache-2.0
"""Writes a transformers model as GGUF in any of the types that the reader knows (make_tiny_models.py)."""
import json
import os

import gguf
import numpy as np
import torch

from float64 import head_dim
from tiny_tokenizers import SPECIAL, make_tokenizer

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


def write_gguf(path, model, kind_of, tokenizer_kind, template):
    """kind_of(gguf tensor name, shape) -> quantization type. The model is changed to the dequantized weights.
    Returns the type of every tensor."""
    name = os.path.basename(path).removesuffix(".gguf")
    config = model.config
    architecture, heads, kv = config.model_type, config.num_attention_heads, config.num_key_value_heads
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
    return types
