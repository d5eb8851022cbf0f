// SPDX-License-Identifier: Apache-2.0
#include "evaluate/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/standard_error.h"
#include "cli/terminal.h"

namespace slm {

JsonDocument to_json(const std::string& weights, const EvaluateOptions& o, const Score& score, const Model& model) {
  JsonDocument result = {{"weights", weights},
                         {"protocol", o.protocol_name},
                         {"windows", score.windows},
                         {"tokens", score.nll.count()},
                         {"perplexity", score.perplexity()},
                         {"stderr", or_null(score.perplexity_error())},
                         {"kl", nullptr},
                         {"seconds", score.seconds},
                         {"packed_bytes", model.packed_bytes}};
  if (score.kl.count() > 0) {
    result["kl"] = score.kl.mean();
    result["kl_to"] = o.kl_to;
    result["kl_model"] = o.kl_model.empty() ? o.model : o.kl_model;
    result["kl_stderr"] = or_null(score.kl.standard_error());
    result["kl_tokens"] = score.kl.count();
    result["top1"] = score.agreement();
  }
  if (o.protocol.protocol == Protocol::Rolling) {
    result["window"] = o.protocol.window;
    result["stride"] = o.protocol.stride;
  }
  if (model.fake_activations) result["fake_activations"] = name(*model.fake_activations);
  return result;
}

std::string describe(const Tokenizer& tokenizer) {
  const TokenizerData data = tokenizer.data();
  return fmt::format("{}{}{}, {} tokens", data.model, data.pre.empty() ? "" : " ", data.pre, tokenizer.vocab_size());
}

std::string describe_activations(const EvaluateOptions& o) {
  if (!o.fake_activations) return "";
  return fmt::format(", activations {} by fake quantization of f32", name(*o.fake_activations));
}

std::vector<std::string> report_header(const EvaluateOptions& o) {
  std::vector<std::string> header = {"weights", o.fake_activations ? "activations" : "size", "perplexity", "stderr"};
  if (!o.kl_to.empty())
    header.insert(header.end(), {"KL to " + (o.kl_model.empty() ? "" : o.kl_model + " ") + o.kl_to, "stderr", "top-1"});
  header.insert(header.end(), {"tokens/s", "time"});
  return header;
}

std::vector<std::string> to_row(const std::string& weights, const EvaluateOptions& o, const Score& score,
                                const Model& model) {
  std::vector<std::string> row = {
      weights, o.fake_activations ? std::string(name(*o.fake_activations)) : megabytes(model.packed_bytes),
      fmt::format("{:.4f}", score.perplexity()), plus_minus(score.perplexity_error(), 4)};
  if (!o.kl_to.empty())
    row.insert(row.end(), {fmt::format("{:.5f}", score.kl.mean()), plus_minus(score.kl.standard_error(), 5),
                           fmt::format("{:.2f} %", 100 * score.agreement())});
  row.insert(row.end(), {fmt::format("{:.1f}", static_cast<double>(score.nll.count()) / std::max(score.seconds, 1e-9)),
                         duration(score.seconds)});
  return row;
}

}  // namespace slm
