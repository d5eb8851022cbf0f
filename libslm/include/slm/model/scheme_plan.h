// SPDX-License-Identifier: Apache-2.0
// SchemePlan: which scheme each weight matrix gets. One rule for loading and for exporting.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slm/model/config.h"
#include "slm/quant/scheme.h"

namespace slm {

struct SchemePlan {
  std::optional<WeightScheme> weights;  ///< empty: as stored, where a kernel runs that natively; w8g32 otherwise
  std::vector<std::string> keep_fp;     ///< patterns of matches_pattern over Hugging Face names: these stay BF16

  /// The scheme of a matrix. With a tied head, a pattern that matches lm_head.weight keeps the embedding, too.
  WeightScheme scheme_of(std::string_view hf_name, Dtype stored, bool tied_head) const;
  /// Whether a pattern keeps the one matrix that is both embedding and head.
  bool keeps_tied_head(bool tied_head) const;
  /// Throws ArgumentError naming a pattern that matches no matrix of the model.
  void check_patterns(const ModelConfig& config) const;
};

/// POSIX shell patterns (fnmatch): `*` any characters, `?` one, `[…]` one of a set, `\` quotes; the whole name must
/// match.
bool matches_pattern(std::string_view name, std::string_view pattern);
bool matches_any(std::string_view name, const std::vector<std::string>& patterns);

}  // namespace slm
