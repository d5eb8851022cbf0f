#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden blocks of quant/: what the `gguf` Python package makes of fixed inputs.

    python tests/quant/golden/make_golden.py [MODELS_FOLDER]

Writes beside itself:
  input.f32        float32 (blocks, 32): random and adversarial inputs of the encoders
  encode_<T>.bin   gguf.quants.quantize(input, T)        T = F16 BF16 Q8_0 Q4_0 Q4_1
  decode_<T>.bin   random blocks of T; decode_<T>.f32 = gguf.quants.dequantize of them (for every type)
  models.txt       with a folder of GGUF files: file, tensor, type, number of values, FNV-1a 64 of them

Made with gguf 0.19.0, numpy 2.4.6. Only inputs on which the package is defined by IEEE arithmetic are used: no group whose inverse
scale is infinite, no minimum of mixed zeros (numpy's order of −0 and +0 depends on the processor).
"""
import pathlib
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFReader
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

HERE = pathlib.Path(__file__).parent
ENCODED = [T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1]
DECODED = [T.F32, T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K]
HASHED_VALUES = 1 << 20  # of each tensor, whole rows


def inputs() -> np.ndarray:
    rng = np.random.default_rng(20240607)
    f = np.float32
    blocks = [rng.standard_normal((96, 32)) * 10.0 ** rng.uniform(-6, 3, (96, 1)), rng.laplace(size=(32, 32)) * 0.02]
    ramp = np.arange(32)

    def add(values):
        blocks.append(np.resize(np.asarray(values, dtype=f), (1, 32)))

    add(np.zeros(32)), add(-np.zeros(32))                        # all zeros of one sign
    add(np.full(32, 0.37)), add(np.full(32, -5.0)), add([1.0])   # constants
    for low in (-8.0, 8.0):                                      # exact halves between the codes of Q4_0: both signs of d
        add(np.concatenate([[low], (ramp[:31] - 15) * 0.5]))
    add(np.concatenate([[7.5], [-7.5], (ramp[:30] - 15) * 0.25]))    # ±max of equal size: the first decides
    add(np.concatenate([[-7.5], [7.5], (ramp[:30] - 15) * 0.25]))
    add(np.concatenate([ramp[:30] - 15.0, [16.0], [-16.0]]))
    add(np.concatenate([[127.0], ramp[:31] - 15.5]))             # ties of Q8_0: half away, half to even differ
    add(np.concatenate([[-254.0], (ramp[:31] - 15) * 1.0]))
    add(np.concatenate([[0.0, 15.0], ramp[:30] * 0.5]))          # ties of Q4_1
    add(np.concatenate([[-3.0, 12.0], ramp[:30] * 0.5 - 3.0]))
    half_below = np.nextafter(f(0.5), f(0))                      # t + ½ rounds up where t itself must round down
    add(np.concatenate([[127.0], np.resize([half_below, -half_below, 1.5, -1.5, 2.5, -2.5], 31)]))
    add(np.concatenate([[-8.0], np.resize([-half_below, half_below, 0.5, -0.5], 31)]))
    for e in (-7, -8, -14, -18, -20, -24, -27, -30, -60, -120):  # scales that are subnormal or zero as a half, still with codes
        add(rng.standard_normal(32) * 2.0 ** e)
        add(np.concatenate([[2.0 ** e], np.zeros(31)]))
    tiny = np.nextafter(f(0), f(1))
    add(np.concatenate([[1.0, -0.0, 0.0, tiny, -tiny], np.full(27, 2.0 ** -25)]))   # negative zero, float subnormals
    add(np.concatenate([[-1.0, -0.0, 0.0, tiny, -tiny], np.full(27, -(2.0 ** -25))]))
    add(np.concatenate([[65504.0, -65504.0, 65519.0, -65519.9], ramp[:28] * 2000.0]))  # the largest halves
    add(np.concatenate([[-65519.0, 60000.0], -ramp[:30] * 2000.0]))
    add(np.concatenate([[1 + 2.0 ** -11, 1 + 3 * 2.0 ** -11, 1 + 2.0 ** -8, 1 + 3 * 2.0 ** -8], ramp[:28] / 7.0]))  # ties of halves
    add(2.0 ** (-14.0 - np.arange(32) / 2))                      # across the subnormal halves
    return np.concatenate([np.asarray(b, dtype=f) for b in blocks])


def random_blocks(qtype: T, rng: np.random.Generator) -> np.ndarray:
    """Random bytes, with scales that are ordinary, negative, zero, subnormal and largest halves."""
    elements, size = GGML_QUANT_SIZES[qtype]
    blocks = rng.integers(0, 256, (32 if elements < 256 else 12, size), dtype=np.uint8)
    if qtype in (T.F16, T.BF16):                                 # every sign and exponent but the last (infinities and NaN)
        bits = rng.integers(0, 1 << 16, 512, dtype=np.uint16)
        top = np.uint16(0x7C00 if qtype == T.F16 else 0x7F80)
        return bits[(bits & top) != top][:256].view(np.uint8).reshape(1, -1)
    if qtype == T.F32:
        return np.ascontiguousarray(rng.standard_normal((1, 128)).astype(np.float32)).view(np.uint8)
    places = {T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.Q4_1: [0, 2], T.Q5_1: [0, 2]}
    special = np.array([0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0xFBFF, 0x0400], dtype=np.uint16)
    for place in places.get(qtype, [0]):
        halves = rng.standard_normal(len(blocks)).astype(np.float16).view(np.uint16)
        halves[: len(special)] = np.roll(special, place)
        blocks[:, place : place + 2] = halves.view(np.uint8).reshape(-1, 2)
    return blocks


def fnv1a_words(values: np.ndarray) -> int:
    """FNV-1a 64 over the 32-bit words of the floats (a word a step, not a byte: four times less to do)."""
    h = 0xCBF29CE484222325
    for w in np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).ravel().tolist():
        h = ((h ^ w) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def hash_models(folder: pathlib.Path) -> None:
    lines = ["# file tensor type values hash: FNV-1a 64 over the 32-bit words of the first values, by gguf.quants.dequantize"]
    for path in sorted(folder.glob("*.gguf")):
        seen: dict[T, int] = {}
        for tensor in GGUFReader(path).tensors:
            kind = tensor.tensor_type
            if kind not in DECODED or seen.get(kind, 0) == 3:    # the first three of each type
                continue
            seen[kind] = seen.get(kind, 0) + 1
            rows = np.ascontiguousarray(tensor.data).reshape(-1, tensor.data.shape[-1])
            k = int(tensor.shape[0])
            values = dequantize(rows[: max(1, HASHED_VALUES // k)], kind)
            lines.append(f"{path.name} {tensor.name} {kind.name} {values.size} {fnv1a_words(values):016x}")
    (HERE / "models.txt").write_text("\n".join(lines) + "\n")


def main() -> None:
    x = inputs()
    x.tofile(HERE / "input.f32")
    for qtype in ENCODED:
        quantize(x, qtype).view(np.uint8).tofile(HERE / f"encode_{qtype.name}.bin")
    rng = np.random.default_rng(7)
    for qtype in DECODED:
        blocks = random_blocks(qtype, rng)
        blocks.tofile(HERE / f"decode_{qtype.name}.bin")
        dequantize(blocks, qtype).astype(np.float32).tofile(HERE / f"decode_{qtype.name}.f32")
    if len(sys.argv) > 1:
        hash_models(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    main()
