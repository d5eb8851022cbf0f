#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds of a training step: PyTorch on a Hugging Face folder, interleaved round by round with libslm's qat_kd_train.

    torch_train_bench.py --model DIR --text F [--batch 1] [--seq 256] [--steps 4] [--rounds 5] [--threads 2]
                         [--ours build/release/bin/qat_kd_train] [--teacher DIR] [--scheme w4g32] [--tuned] [--bf16]
                         [--output F.json]

Every round runs each side in a process of its own, in alternating order: forward, loss over the whole vocabulary,
backward, AdamW, on the same number of tokens in float32. The first step of a process is not counted (memory is touched
for the first time). PyTorch runs as it comes; --tuned runs it once more with malloc kept from returning memory; --bf16
runs both sides once more with float products in bfloat16. Ours runs as fp32, with the quantizer in the loop (qat), and
with --teacher beside it (qat_kd); shares of a step are printed for these.
In: a folder both can load, a text of more than steps x batch x seq tokens   Out: one JSON document on stdout
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from command_line import Parser, existing, json_of, last_line, need, output, program, run, whole, write_json
from rounds import spread

TUNED = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_TOP_PAD_": "1073741824"}


def torch_steps(a):
    """Runs in the child: prints the seconds of every step as JSON."""
    import torch
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(a.threads)
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32, attn_implementation="sdpa").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.0)
    seconds = []
    for step in range(a.steps + 1):
        ids = torch.randint(0, 1000, (a.batch, a.seq), generator=torch.Generator().manual_seed(step))
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.child == "bf16"):
            loss = model(ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "version": torch.__version__}))


def peer(a, tuned, compute="f32"):
    environment = dict(os.environ, **(TUNED if tuned else {}))
    command = [sys.executable, __file__, "--child", compute, "--model", a.model, "--batch", str(a.batch), "--seq", str(a.seq),
               "--steps", str(a.steps), "--threads", str(a.threads)]
    result = json_of(command, environment)
    a.torch_version = result["version"]
    return {"seconds": statistics.median(result["seconds"][1:])}


def whole_lines(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]
    except FileNotFoundError:
        return []


def ours(a, mode, *options):
    """Ends the run after its last step: what it would write of the model is not asked for."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        out = os.path.join(folder, "run")
        command = [a.ours, "--mode", mode, "--student", a.model, "--train", a.text, "--valid-sequences", "1",
                   "--scheme", a.scheme, "--steps", str(a.steps + 1), "--batch", str(a.batch), "--seq", str(a.seq), "--lr", "1e-6",
                   "--weight-decay", "0", "--threads", str(a.threads), "--out", out, "--checkpoint-every", "0", *options]
        if mode == "qat_kd":
            command += ["--teacher", a.teacher]
        ran = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        steps = []
        while len(steps) <= a.steps and ran.poll() is None:
            time.sleep(0.2)
            steps = whole_lines(os.path.join(out, "metrics.jsonl"))
        ran.kill()
        ran.wait()
        steps = whole_lines(os.path.join(out, "metrics.jsonl"))[1:]
        if len(steps) < a.steps:
            errors.seek(0)
            raise SystemExit(f"error: {' '.join(command)}: {last_line(errors.read())}")
    return {"seconds": statistics.median(s["seconds"] for s in steps),
            "teacher_seconds": statistics.median(s["teacher_seconds"] for s in steps)}


def main():
    p = Parser(__doc__)
    p.add_argument("--model", type=existing, required=True, help="a Hugging Face folder")
    p.add_argument("--text", type=existing, help="for libslm: what it trains on (PyTorch gets random ids)")
    p.add_argument("--batch", type=whole(1), default=1)
    p.add_argument("--seq", type=whole(2), default=256)
    p.add_argument("--steps", type=whole(1), default=4)
    p.add_argument("--rounds", type=whole(1), default=5)
    p.add_argument("--threads", type=whole(1, 1024), default=2)
    p.add_argument("--ours", type=program, help="path of qat_kd_train")
    p.add_argument("--teacher", type=existing)
    p.add_argument("--scheme", default="w4g32")
    p.add_argument("--tuned", action="store_true")
    p.add_argument("--bf16", action="store_true", help="both sides once more, in bfloat16 (autocast)")
    p.add_argument("--child", choices=("f32", "bf16"), help=argparse.SUPPRESS)
    p.add_argument("--output", type=output, help="also write the JSON here")
    a = p.parse_args()
    if a.ours and not a.text:
        p.error("--ours needs --text")
    if a.teacher and not a.ours:
        p.error("--teacher does nothing without --ours")
    need("torch", "transformers", install="pip install torch transformers")
    if a.child:
        return torch_steps(a)

    turns = {"torch": lambda: peer(a, False)}
    if a.tuned:
        turns["torch_tuned"] = lambda: peer(a, True)
    if a.bf16:
        turns["torch_bf16"] = lambda: peer(a, a.tuned, "bf16")
    if a.ours:
        turns["fp32"] = lambda: ours(a, "fp32")
        if a.bf16:
            turns["bf16"] = lambda: ours(a, "fp32", "--compute", "bf16")
        turns["qat"] = lambda: ours(a, "qat")
        if a.teacher:
            turns["qat_kd"] = lambda: ours(a, "qat_kd")
    rounds = []
    for i in range(a.rounds):
        found = {}
        for name in list(turns)[::-1] if i % 2 else list(turns):
            found[name] = turns[name]()
            print(f"round {i + 1}/{a.rounds}: {name} {found[name]}", file=sys.stderr)
        rounds.append(found)
    report = {"model": a.model, "batch": a.batch, "seq": a.seq, "threads": a.threads, "torch": a.torch_version,
              "seconds_per_step": {n: spread([r[n]["seconds"] for r in rounds]) for n in turns}}
    if a.ours:
        for rival in [n for n in turns if n.startswith("torch") and n != "torch_bf16"]:
            report[f"ratio_fp32_to_{rival}"] = spread([r[rival]["seconds"] / r["fp32"]["seconds"] for r in rounds])
        if a.bf16:
            report["ratio_bf16_to_torch_bf16"] = spread([r["torch_bf16"]["seconds"] / r["bf16"]["seconds"] for r in rounds])
            report["ratio_fp32_to_bf16"] = spread([r["fp32"]["seconds"] / r["bf16"]["seconds"] for r in rounds])
        report["fake_quant_adds"] = spread([r["qat"]["seconds"] / r["fp32"]["seconds"] - 1 for r in rounds])
        if a.teacher:
            report["teacher_share"] = spread([r["qat_kd"]["teacher_seconds"] / r["qat_kd"]["seconds"] for r in rounds])
    write_json(report, a.output)


if __name__ == "__main__":
    run(main)
