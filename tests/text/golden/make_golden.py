#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden files of tests/text with the official tokenizers. Run by hand; the tests need only its output.

  make_golden.py unicode | small                   files made from text in these scripts alone
  make_golden.py chat DATA MODELS                   conversations, also with the templates of real models
  make_golden.py ids DATA MODELS                    hashes of the ids of all text in DATA and of 100,000 random strings

Made with Python 3.11 (Unicode 14), tokenizers 0.23.3, transformers 5.23.0, sentencepiece 0.2.3, llama-cpp-python 0.3.36,
Jinja2 3.1.6. DATA holds tokenizers/{qwen2.5,codegen_phi1.5,llama2}; MODELS the GGUF files of the tests.
"""
import json
import pathlib
import sys
import unicodedata

HERE = pathlib.Path(__file__).parent
MASK = (1 << 64) - 1

# ---- random strings: the same generator is in tests/text/golden_support.h ----

TRAPS = [0x20, 0x20, 0x0A, 0x0D, 0x09, 0x0B, 0x85, 0xA0, 0x1680, 0x180E, 0x2003, 0x2028, 0x200B, 0x200D, 0x202F, 0x3000,
         0xFEFF, 0x27, 0x27, 0x73, 0x53, 0x17F, 0x74, 0x6C, 0x4C, 0x6D, 0x64, 0x212A, 0x30, 0x39, 0x661, 0xB2, 0xBD,
         0x2167, 0x3007, 0x1D7D8, 0x300, 0x301, 0x323, 0x327, 0x345, 0x30A, 0x212B, 0x41, 0x61, 0x3B1, 0x1100, 0x1161,
         0x11A8, 0xAC00, 0xAC01, 0x915, 0x93C, 0x958, 0x9C7, 0x9BE, 0x1F1, 0xFB01, 0x1F600, 0x1F3FD, 0xFE0F, 0x1F1E6,
         0x0958, 0x2126, 0xF900, 0x1D15E, 0x11935, 0x11930, 0x16FF0, 0x1ACE, 0x898, 0x2581, 0x120, 0x10FFFD, 0x0]


def assigned_ranges():
    ranges = []
    for c in range(0x110000):
        if unicodedata.category(chr(c)) in ("Cn", "Cs"):
            continue
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    return ranges


class SplitMix64:
    def __init__(self, state):
        self.state = state

    def __call__(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


def random_strings(count):
    ranges = assigned_ranges()
    everything = [c for a, b in ranges for c in range(a, b + 1)]
    draw = SplitMix64(14)
    for _ in range(count):
        text = []
        for _ in range(draw() % 24 + 1):
            r = draw()
            kind, r = r & 3, r >> 2
            if kind == 0:
                c = r % 98
                c = 0x20 + c if c < 95 else (0x0A, 0x09, 0x0D)[c - 95]
            elif kind == 1:
                a, b = ranges[r % len(ranges)]
                c = a + draw() % (b - a + 1)
            elif kind == 2:
                c = everything[r % len(everything)]
            else:
                c = TRAPS[r % len(TRAPS)]
            text.append(chr(c))
        yield "".join(text)


def unicode_file():
    with open(HERE / "unicode14.txt", "w") as out:
        for a, b in assigned_ranges():
            print(f"range {a:X} {b:X}", file=out)
        for c in TRAPS:
            print(f"trap {c:X}", file=out)


# ---- ids of real text ----

def hash_ids(ids):
    """sum over i of (id + 1) * splitmix64(i), modulo 2^64: order counts, and numpy can do it."""
    import numpy as np
    ids = np.asarray(ids, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = (np.arange(len(ids), dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        return int(((ids + np.uint64(1)) * z).sum(dtype=np.uint64))


def official(name, data, models):
    if name in ("qwen2.5", "codegen"):
        from tokenizers import Tokenizer
        file = {"qwen2.5": "qwen2.5/tokenizer.reconstructed.json", "codegen": "codegen_phi1.5/tokenizer.json"}[name]
        tokenizer = Tokenizer.from_file(str(data / "tokenizers" / file))
        tokenizer.encode_special_tokens = True  # control tokens in a text are text
        return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    if name == "llama2":
        import sentencepiece
        model = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizers/llama2/tokenizer.model"))
        return lambda text: model.encode(text)
    from llama_cpp import Llama
    file = {"smollm2": "smollm2-135m-instruct-q4_1.gguf", "gemma3": "gemma-3-270m-q4_k_m.gguf"}[name]
    model = Llama(str(models / file), vocab_only=True, verbose=False)
    return lambda text: model.tokenize(text.encode(), add_bos=False, special=False) if text else []


def ids_files(data, models, names):
    for name in names:
        encode = official(name, data, models)
        with open(HERE / f"{name}.ids.txt", "w") as out:
            for path in sorted(p for p in data.rglob("*") if p.is_file()):
                relative = path.relative_to(data)
                if relative.parts[0] == "tokenizers" or path.suffix == ".bin":
                    continue
                if name == "gemma3" and relative.parts[0] not in ("disaster_us_gov", "wikitext2"):
                    continue  # a sample: its vocabulary is not promised, but shows that a SentencePiece GGUF works
                ids = encode(path.read_bytes().decode("utf-8", errors="replace"))
                print(f"file {relative} {len(ids)} {hash_ids(ids):016x}", file=out)
            if name == "gemma3":
                continue  # llama.cpp takes U+2581 in a text for a letter where SentencePiece takes it for a space
            block = []
            for i, text in enumerate(random_strings(100_000)):
                block += encode(text) + [0xFFFF_FFFE]
                if i % 1000 == 999:
                    print(f"random {i // 1000} {len(block)} {hash_ids(block):016x}", file=out)
                    block = []
        print(name)


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "unicode":
        unicode_file()
    elif what == "small":
        from make_small import small_files
        small_files(HERE)
    elif what == "chat":
        from make_small import chat_file
        chat_file(HERE, pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    elif what == "ids":
        ids_files(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]),
                  sys.argv[4:] or ["qwen2.5", "codegen", "llama2", "smollm2", "gemma3"])
    else:
        sys.exit(__doc__)
