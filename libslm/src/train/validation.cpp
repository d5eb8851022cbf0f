// SPDX-License-Identifier: Apache-2.0
#include "slm/train/validation.h"

#include <algorithm>
#include <vector>

#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/kernels/isa.h"
#include "slm/kernels/vec/variants.h"
#include "slm/ops/cross_entropy.h"
#include "slm/train/teacher.h"

namespace slm {
namespace {

constexpr int64_t kChunkRows = 64;

int64_t longest_of(std::span<const PackedSequence> sequences) {
  int64_t longest = 1;
  for (const PackedSequence& sequence : sequences) longest = std::max(longest, std::ssize(sequence));
  return longest;
}

}  // namespace

Validation validate(const std::shared_ptr<const Model>& model, std::span<const PackedSequence> sequences,
                    const Progress& progress) {
  const kernels::VecVariant& vec = kernels::select(kernels::vec_variants());
  Teacher runner(model, longest_of(sequences), kChunkRows);

  Validation result;
  double nll = 0.0;
  std::vector<int32_t> targets;
  std::vector<double> nlls;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const PackedSequence& rows = sequences[s];
    targets.clear();
    for (size_t t = 0; t < rows.size(); ++t)
      if (rows[t].label != kNoLabel) targets.push_back(static_cast<int32_t>(t));
    parallel_region([&] {
      runner.run(rows, targets);
      for (int64_t begin = 0; begin < std::ssize(targets); begin += kChunkRows) {
        const int64_t end = std::min(begin + kChunkRows, std::ssize(targets));
        const ConstMatrixView logits = runner.logits(begin, end);
        nlls.assign(static_cast<size_t>(end - begin), 0.0);
        parallel_for(end - begin, 1, [&](int64_t first, int64_t last, int) {
          for (int64_t r = first; r < last; ++r) {
            const auto at = static_cast<size_t>(targets[static_cast<size_t>(begin + r)]);
            nlls[static_cast<size_t>(r)] =
                cross_entropy(vec, {logits.row(r), static_cast<size_t>(logits.columns)}, rows[at].label);
          }
        });
        for (const double value : nlls) nll += value;
      }
    });
    result.labels += std::ssize(targets);
    report(progress, {"validating", s + 1, sequences.size()});
  }
  SLM_CHECK(result.labels > 0, "[validate] {} sequences without a label, expected at least one", sequences.size());
  result.mean_nll = nll / static_cast<double>(result.labels);
  return result;
}

uint64_t planned_validation_bytes(const ModelFiles& files, const SchemePlan& plan,
                                  std::span<const PackedSequence> sequences) {
  return Teacher::planned_bytes(files, plan, longest_of(sequences), kChunkRows);
}

}  // namespace slm
