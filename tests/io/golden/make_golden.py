#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files of tests/io with the reference Python packages.

    pip install numpy==2.4.6 gguf==0.19.0 safetensors==0.8.0
    python make_golden.py            # writes beside itself; run twice, the bytes are the same

Tensor data are a formula, so the tests need no second file: byte j of tensor i is (31 i + 7 j + 3) mod 251.

all_types.gguf     every value type, and a tensor of every type libslm reads
all_types_v2.gguf  the same as version 2 (the layouts are equal; only the version field differs)
aligned.gguf       general.alignment = 64
iq2_xxs.gguf       a tensor of a type libslm does not read
mixed.safetensors  F32 F16 BF16 I8 I32, a scalar, __metadata__
"""
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFValueType as V
from safetensors import TensorSpec, serialize_file

HERE = Path(__file__).parent
TYPES = [T.F32, T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K, T.I8, T.I32]


def data(i, count):
    return ((31 * i + 7 * np.arange(count, dtype=np.int64) + 3) % 251).astype(np.uint8)


def add(writer, i, name, kind, shape):
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = data(i, int(np.prod(shape)) // block * size)
    # Bytes with a byte shape: the package divides the last dimension by the block's bytes again.
    writer.add_tensor(name, raw.reshape(*shape[:-1], -1), raw_dtype=kind)


def metadata(w):
    w.add_uint8("test.u8", 200)
    w.add_int8("test.i8", -100)
    w.add_uint16("test.u16", 60000)
    w.add_int16("test.i16", -30000)
    w.add_uint32("test.u32", 4000000000)
    w.add_int32("test.i32", -2000000000)
    w.add_float32("test.f32", 1e-6)
    w.add_bool("test.bool", True)
    w.add_string("test.string", "naïve 文\n")
    w.add_uint64("test.u64", 2**64 - 1)
    w.add_int64("test.i64", -(2**63))
    w.add_float64("test.f64", 0.1)
    w.add_array("test.strings", ["", "<|im_end|>", "Ġthe", "字"])
    w.add_array("test.i32s", [1, -2, 3])
    w.add_array("test.f32s", [0.5, -1.25])
    w.add_array("test.bools", [True, False])
    for name, kind, values in [("u8s", V.UINT8, [0, 255]), ("i16s", V.INT16, [-1, 7]), ("u64s", V.UINT64, [2**64 - 1])]:
        w.add_key_value("test." + name, values, V.ARRAY, kind)


def write(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    w = gguf.GGUFWriter(HERE / "all_types.gguf", "test")
    metadata(w)
    for i, kind in enumerate(TYPES):
        add(w, i, f"blk.{i}.{kind.name.lower()}.weight", kind, (3, 256) if i % 2 else (2, 256))
    add(w, len(TYPES), "rank1", T.F32, (5,))
    add(w, len(TYPES) + 1, "rank3", T.F16, (2, 3, 5))
    add(w, len(TYPES) + 2, "rank4", T.I8, (2, 3, 5, 7))
    write(w)

    raw = bytearray((HERE / "all_types.gguf").read_bytes())
    assert raw[4:8] == b"\x03\0\0\0"
    raw[4] = 2
    (HERE / "all_types_v2.gguf").write_bytes(raw)
    assert len(gguf.GGUFReader(HERE / "all_types_v2.gguf").tensors) == len(TYPES) + 3

    w = gguf.GGUFWriter(HERE / "aligned.gguf", "test")
    w.add_custom_alignment(64)
    add(w, 0, "a", T.F32, (3,))
    add(w, 1, "b", T.F32, (3,))
    write(w)

    w = gguf.GGUFWriter(HERE / "iq2_xxs.gguf", "test")
    add(w, 0, "blk.0.attn_q.weight", T.IQ2_XXS, (1, 256))
    write(w)

    kinds = [("weight.f32", "float32", 4, [2, 3]), ("weight.f16", "float16", 2, [3, 5]), ("weight.bf16", "bfloat16", 2, [5, 1]),
             ("weight.i8", "int8", 1, [7]), ("weight.i32", "int32", 4, [1, 2, 3, 1]), ("scalar", "float32", 4, [])]
    buffers = [data(i, int(np.prod(shape)) * size) for i, (_, _, size, shape) in enumerate(kinds)]
    specs = {name: TensorSpec(dtype=kind, shape=shape, data_ptr=raw.ctypes.data, data_len=raw.nbytes)
             for (name, kind, _, shape), raw in zip(kinds, buffers)}
    serialize_file(specs, HERE / "mixed.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main()
