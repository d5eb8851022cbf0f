# SPDX-License-Identifier: Apache-2.0
"""A GGUF file in llama.cpp, through the low-level API of llama-cpp-python: decode calls and nothing around them.

In: GGUF path, threads, KV type, flash attention   Out: logits and the seconds that llama_decode took
"""
import ctypes
import importlib.metadata
import time

from command_line import interrupts_later, need

need("llama_cpp", "numpy",
     install="CMAKE_ARGS=-DGGML_NATIVE=ON pip install --no-binary llama-cpp-python llama-cpp-python")
import llama_cpp as llama
import numpy as np

KV = {"f32": llama.GGML_TYPE_F32, "f16": llama.GGML_TYPE_F16}
FLASH = {"off": llama.LLAMA_FLASH_ATTN_TYPE_DISABLED, "on": llama.LLAMA_FLASH_ATTN_TYPE_ENABLED,
         "auto": llama.LLAMA_FLASH_ATTN_TYPE_AUTO}


@llama.llama_log_callback
def _quiet(level, text, user):
    pass


class Model:
    """One model with one context and one sequence. Everything is greedy and synchronous."""

    def __init__(self, path, threads, context, kv="f16", flash="auto", batch=512):
        llama.llama_log_set(_quiet, ctypes.c_void_p(0))
        llama.llama_backend_init()
        with interrupts_later():
            self.model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"error: llama.cpp cannot load {path}")
        p = llama.llama_context_default_params()
        p.n_ctx, p.n_batch, p.n_ubatch = context, batch, batch
        p.n_threads = p.n_threads_batch = threads
        p.type_k = p.type_v = KV[kv]
        p.flash_attn_type = FLASH[flash]
        with interrupts_later():
            self.context = llama.llama_init_from_model(self.model, p)
        if not self.context:
            raise SystemExit(f"error: llama.cpp makes no context for {path}")
        self.vocab = llama.llama_model_get_vocab(self.model)
        self.vocab_size = llama.llama_vocab_n_tokens(self.vocab)
        self.threads, self.length, self.wall, self.cpu = threads, 0, 0.0, 0.0
        self.batch = llama.llama_batch_init(batch, 0, 1)

    def adds_bos(self):
        return bool(llama.llama_vocab_get_add_bos(self.vocab))

    def bos(self):
        return llama.llama_vocab_bos(self.vocab)

    def tokenize(self, text, control_tokens=False):
        data = text.encode()
        ids = (llama.llama_token * (len(data) + 8))()
        n = llama.llama_tokenize(self.vocab, data, len(data), ids, len(ids), False, control_tokens)
        return list(ids[:n])

    def clear(self):
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        self.length = 0

    def decode(self, ids, rows="last"):
        """Appends at most `batch` ids; rows: "last", "all", or the first position whose logits are wanted.
        Returns the seconds of llama_decode."""
        b, first = self.batch, {"last": len(ids) - 1, "all": 0}.get(rows, rows)
        b.n_tokens = len(ids)
        for i, token in enumerate(ids):
            b.token[i], b.pos[i], b.n_seq_id[i], b.seq_id[i][0], b.logits[i] = token, self.length + i, 1, 0, i >= first
        with interrupts_later():
            started, cpu = time.perf_counter(), time.process_time()
            status = llama.llama_decode(self.context, b)
            llama.llama_synchronize(self.context)
            seconds = time.perf_counter() - started
        self.wall, self.cpu = self.wall + seconds, self.cpu + time.process_time() - cpu
        if status != 0:
            raise SystemExit(f"error: llama_decode returned {status}")
        self.length += len(ids)
        self.rows = len(ids) - first
        return seconds

    def cpu_share(self):
        """CPU seconds of all decode calls / (seconds x threads): well below 1, something else had the cores."""
        return self.cpu / (self.wall * self.threads)

    def logits(self):
        """(rows, vocabulary) of the last decode, a copy."""
        pointer = llama.llama_get_logits(self.context)
        return np.ctypeslib.as_array(pointer, shape=(self.rows, self.vocab_size)).copy()


def about():
    return {"llama_cpp_python": importlib.metadata.version("llama-cpp-python"),
            "system": llama.llama_print_system_info().decode().strip()}
