// SPDX-License-Identifier: Apache-2.0
#include "slm/model/scheme_plan.h"

#include <fnmatch.h>

#include <algorithm>

#include "slm/core/check.h"

namespace slm {
namespace {
constexpr std::string_view kEmbedding = "model.embed_tokens.weight";
constexpr std::string_view kHead = "lm_head.weight";

}  // namespace

bool matches_pattern(std::string_view name, std::string_view pattern) {
  return fnmatch(std::string(pattern).c_str(), std::string(name).c_str(), 0) == 0;
}

bool matches_any(std::string_view name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches_pattern(name, pattern); });
}

WeightScheme SchemePlan::scheme_of(std::string_view hf_name, Dtype stored, bool tied_head) const {
  const bool shared = hf_name == kEmbedding || hf_name == kHead;
  if (matches_any(hf_name, keep_fp) || (shared && keeps_tied_head(tied_head))) return WeightScheme::BF16;
  if (weights) return *weights;
  if (stored == Dtype::I8) return WeightScheme::W8C;
  return native_scheme(stored).value_or(WeightScheme::W8G32);
}

bool SchemePlan::keeps_tied_head(bool tied_head) const {
  return tied_head && (matches_any(kEmbedding, keep_fp) || matches_any(kHead, keep_fp));
}

void SchemePlan::check_patterns(const ModelConfig& config) const {
  const std::vector<ExpectedTensor> tensors = expected_tensors(config);
  for (const std::string& pattern : keep_fp)
    SLM_CHECK(matches_pattern(kHead, pattern) || std::any_of(tensors.begin(), tensors.end(),
                                                             [&](const ExpectedTensor& tensor) {
                                                               return tensor.shape.rank() == 2 &&
                                                                      matches_pattern(tensor.name, pattern);
                                                             }),
              "[scheme] pattern \"{}\" matches no weight matrix of the model", pattern);
}

}  // namespace slm
