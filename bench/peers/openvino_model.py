# SPDX-License-Identifier: Apache-2.0
"""A GGUF file in OpenVINO GenAI, which reads it directly: seconds to the first token, and of those after it.

In: GGUF path, threads   Out: seconds
"""
import importlib.metadata

from command_line import last_line, need

need("numpy", "openvino", "openvino_genai", install="pip install openvino-genai")
import numpy as np
import openvino
import openvino_genai


class Model:
    """Prompts of ids, answered greedily. It caches prefixes: a prompt that began like an earlier one is not read."""

    def __init__(self, path, threads):
        self.path = path
        self.pipeline = self._or_end(openvino_genai.LLMPipeline, path, "CPU", INFERENCE_NUM_THREADS=threads)

    def _or_end(self, call, *arguments, **options):
        """What OpenVINO returns; what it throws ends the program: first where in its sources, then why."""
        try:
            return call(*arguments, **options)
        except Exception as error:
            raise SystemExit(f"error: OpenVINO cannot run {self.path}: {last_line(str(error))}") from None

    def seconds(self, ids, decode):
        """(until the first token of `ids`, of `decode` tokens after it)"""
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens, config.ignore_eos, config.do_sample = decode + 1, True, False
        prompt = np.array([ids], dtype=np.int64)
        inputs = openvino_genai.TokenizedInputs(openvino.Tensor(prompt), openvino.Tensor(np.ones_like(prompt)))
        metrics = self._or_end(self.pipeline.generate, inputs, config).perf_metrics
        return metrics.get_ttft().mean / 1e3, metrics.get_tpot().mean / 1e3 * decode


def about():
    return {"openvino_genai": importlib.metadata.version("openvino-genai")}
