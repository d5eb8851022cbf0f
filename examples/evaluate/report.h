// SPDX-License-Identifier: Apache-2.0
// What evaluate says of one score: as JSON, and as a row of its table.
#pragma once

#include <string>
#include <vector>

#include "cli/program.h"
#include "evaluate/options.h"
#include "slm/eval/perplexity.h"
#include "slm/model/load.h"
#include "slm/text/tokenizer.h"

namespace slm {

JsonDocument to_json(const std::string& weights, const EvaluateOptions& o, const Score& score, const Model& model);
/// Columns only for what was asked. With --fake-activations none of sizes: the values are held in f32 then.
std::vector<std::string> report_header(const EvaluateOptions& o);
std::vector<std::string> to_row(const std::string& weights, const EvaluateOptions& o, const Score& score,
                                const Model& model);
/// ", activations a8t …" for the line above the table; empty where the kernels' own ones were measured.
std::string describe_activations(const EvaluateOptions& o);
/// "gpt2 qwen2, 151665 tokens": GGUF's words for the kind and the pre-tokenizer.
std::string describe(const Tokenizer& tokenizer);

}  // namespace slm
