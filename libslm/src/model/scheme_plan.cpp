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

WeightScheme SchemePlan::scheme_of(std::string_view hf_name, Dtype stored, bool tied_head) const {
  for (const std::string& pattern : keep_fp)
    if (matches_pattern(hf_name, pattern) || (tied_head && hf_name == kEmbedding && matches_pattern(kHead, pattern)))
      return WeightScheme::BF16;
  if (weights) return *weights;
  if (stored == Dtype::I8) return WeightScheme::W8C;
  return native_scheme(stored).value_or(WeightScheme::W8G32);
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
