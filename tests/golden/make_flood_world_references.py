#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What transformers answers, greedily in float32, with the committed models of flood world: tests/golden/data/flood_world.json.

    make_flood_world_references.py FLOOD_WORLD     the program of that name, which writes the tasks

Six tasks of each kind; of each model the ids it writes, up to a line end or 14 of them, and the least margin between its
likeliest and its next token (what is as close as rounding tells nothing).
Needs: pip install torch transformers
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers

ROOT = pathlib.Path(__file__).parents[2]
LONGEST = 14


def answer(model, tokenizer, prompt):
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    count, margin = ids.shape[1], float("inf")
    line_end = tokenizer("\n").input_ids[-1]
    with torch.no_grad():
        while ids.shape[1] < count + LONGEST:
            top = model(ids).logits[0, -1].topk(2)
            margin = min(margin, float(top.values[0] - top.values[1]))
            ids = torch.cat([ids, top.indices[:1][None]], dim=1)
            if int(top.indices[0]) == line_end:
                break
    return {"ids": ids[0, count:].tolist(), "margin": round(margin, 6)}


def main():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "tasks.jsonl"
        subprocess.run([sys.argv[1], "--split", "test", "--form", "tasks", "--reports", "6", "--seed", "3", "--out", file], check=True)
        prompts = [json.loads(line)["prompt"] for line in file.read_text(encoding="utf-8").splitlines()]
    document = {"torch": torch.__version__, "transformers": transformers.__version__, "answers": {}}
    for name in ("student", "teacher"):
        folder = ROOT / "examples" / "flood_world" / name
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        document["answers"][name] = [{"prompt": prompt, **answer(model, tokenizer, prompt)} for prompt in prompts]
    (ROOT / "tests/golden/data/flood_world.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
