#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds of a training step: PyTorch on a Hugging Face folder, interleaved round by round with libslm's qat_kd_train.

    torch_train_bench.py --model DIR --text F [--batch 1] [--seq 256] [--steps 4] [--rounds 5] [--threads 2]
                         [--ours build/release/bin/qat_kd_train] [--teacher DIR] [--scheme w4g32] [--tuned] [--bf16]
                         [--output F.json]

Every round runs each side in a process of its own, in alternating order: forward, loss over the whole vocabulary,
backward, AdamW, on the same number of tokens in float32. The first step of a process is not counted (memory is touched
for the first time). PyTorch gets random ids, below 1000 and the size of the vocabulary in config.json. It runs as it
comes; --tuned runs it once more with malloc kept from returning memory; --bf16 runs both sides once more with float
products in bfloat16. Ours runs as fp32, with the quantizer in the loop (qat), and with --teacher beside it (qat_kd);
shares of a step are printed for these. Ours is started once in each of its ways before anything is measured, up to the
plan of its memory: what it refuses is known then.
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

from command_line import (Parser, WrongUsage, existing, failed, json_of, need, program, read_json, run, running,
                          whole, write_json)
from outputs import output
from rounds import spread

TUNED = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296",
         "MALLOC_TOP_PAD_": "1073741824"}


def ids_end(folder):
    """The random ids of PyTorch are those below this one."""
    path = os.path.join(folder, "config.json")
    config = read_json(path)
    size = config.get("vocab_size") if isinstance(config, dict) else None
    if type(size) is not int or size < 1:
        raise WrongUsage(f"{path}: vocab_size is {size!r}, expected a whole number, 1 or more")
    return min(1000, size)


def torch_steps(a):
    """Runs in the child: prints the seconds of every step as JSON."""
    end = ids_end(a.model)
    import torch
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(a.threads)
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32, attn_implementation="sdpa").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.0)
    seconds = []
    for step in range(a.steps + 1):
        ids = torch.randint(0, end, (a.batch, a.seq), generator=torch.Generator().manual_seed(step))
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
    command = [sys.executable, __file__, "--child", compute, "--model", a.model, "--batch", str(a.batch),
               "--seq", str(a.seq), "--steps", str(a.steps), "--threads", str(a.threads)]
    result = json_of(command, environment)
    a.torch_version = result["version"]
    return {"seconds": statistics.median(result["seconds"][1:])}


def whole_lines(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]
    except FileNotFoundError:
        return []


def our_command(a, mode, out, options):
    command = [a.ours, "--mode", mode, "--student", a.model, "--train", a.text, "--valid-sequences", "1",
               "--scheme", a.scheme, "--steps", str(a.steps + 1), "--batch", str(a.batch), "--seq", str(a.seq),
               "--lr", "1e-6", "--weight-decay", "0", "--threads", str(a.threads), "--out", out,
               "--checkpoint-every", "0", *options]
    return command + (["--teacher", a.teacher] if mode == "qat_kd" else [])


def ours_until(a, mode, options, reached):
    """The steps of a run of ours, ended where reached(steps, what it says): what comes after is not asked for."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        out = os.path.join(folder, "run")
        command = our_command(a, mode, out, options)
        with running(command, stdout=subprocess.DEVNULL, stderr=errors) as ran:
            while True:
                ended = ran.poll() is not None
                steps = whole_lines(os.path.join(out, "metrics.jsonl"))
                says = os.pread(errors.fileno(), 1 << 20, 0).decode(errors="replace")   # the child's offset stays
                if reached(steps, says):
                    return steps
                if ended:
                    failed(command, ran.returncode, says)
                time.sleep(0.2)


def check_ours(a, mode, *options):
    """Ends this program where ours refuses its options or files: it plans its memory when all of them are read."""
    ours_until(a, mode, options, lambda steps, says: steps or "planned memory" in says)


def ours(a, mode, *options):
    steps = ours_until(a, mode, options, lambda steps, says: len(steps) > a.steps)[1:]
    return {"seconds": statistics.median(s["seconds"] for s in steps),
            "teacher_seconds": statistics.median(s["teacher_seconds"] for s in steps)}


def ours_ways(a):
    """name -> the mode and options of ours that it stands for"""
    if not a.ours:
        return {}
    ways = {"fp32": ["fp32"], "bf16": ["fp32", "--compute", "bf16"], "qat": ["qat"], "qat_kd": ["qat_kd"]}
    absent = {"bf16": not a.bf16, "qat_kd": not a.teacher}
    return {name: way for name, way in ways.items() if not absent.get(name)}


def all_turns(a):
    turns = {"torch": lambda: peer(a, False)}
    if a.tuned:
        turns["torch_tuned"] = lambda: peer(a, True)
    if a.bf16:
        turns["torch_bf16"] = lambda: peer(a, a.tuned, "bf16")
    return turns | {name: lambda way=way: ours(a, *way) for name, way in ours_ways(a).items()}


def measure(turns, count):
    rounds = []
    for i in range(count):
        found = {}
        for name in list(turns) if i % 2 else list(turns)[::-1]:   # ours first: it can still fail for want of memory
            found[name] = turns[name]()
            print(f"round {i + 1}/{count}: {name} {found[name]}", file=sys.stderr)
        rounds.append(found)
    return rounds


def ratios(a, turns, rounds):
    def over(one, other):
        return spread([r[one]["seconds"] / r[other]["seconds"] for r in rounds])
    report = {f"ratio_fp32_to_{rival}": over(rival, "fp32") for rival in ("torch", "torch_tuned") if rival in turns}
    if a.bf16:
        report["ratio_bf16_to_torch_bf16"] = over("torch_bf16", "bf16")
        report["ratio_fp32_to_bf16"] = over("fp32", "bf16")
    report["fake_quant_adds"] = spread([r["qat"]["seconds"] / r["fp32"]["seconds"] - 1 for r in rounds])
    if a.teacher:
        report["teacher_share"] = spread([r["qat_kd"]["teacher_seconds"] / r["qat_kd"]["seconds"] for r in rounds])
    return report


def arguments():
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
    return a


def main():
    a = arguments()
    need("torch", "transformers", install="pip install torch transformers")
    if a.child:
        return torch_steps(a)
    end = ids_end(a.model)
    for way in ours_ways(a).values():
        check_ours(a, *way)

    turns = all_turns(a)
    rounds = measure(turns, a.rounds)
    report = {"model": a.model, "batch": a.batch, "seq": a.seq, "threads": a.threads, "torch": a.torch_version,
              "torch_ids_below": end, "seconds_per_step": {n: spread([r[n]["seconds"] for r in rounds]) for n in turns}}
    write_json(report | (ratios(a, turns, rounds) if a.ours else {}), a.output)


if __name__ == "__main__":
    run(main)
