// SPDX-License-Identifier: Apache-2.0
#include "slm/train/teacher.h"

#include <algorithm>

#include "slm/core/check.h"

namespace slm {
namespace {

constexpr int64_t kStepRows = 256;  // tokens that go through the blocks together

std::shared_ptr<const Model> checked(std::shared_ptr<const Model> model) {
  SLM_CHECK(model != nullptr, "[teacher] no model");
  return model;
}

/// Room for one sequence, computed before the model is looked at any further.
int64_t checked_rows(const ModelConfig& config, int64_t rows) {
  SLM_CHECK(rows >= 1 && rows <= config.context, "[teacher] sequences of {} tokens, the model has a context of {}",
            rows, config.context);
  return rows;
}

}  // namespace

Teacher::Teacher(std::shared_ptr<const Model> model, int64_t rows, int64_t chunk_rows)
    : model_(checked(std::move(model))),
      cache_(model_->config, {.capacity = checked_rows(model_->config, rows), .storage = kernels::KvStorage::F32}),
      executor_(model_->config, cache_,
                {.max_rows = std::min(rows, kStepRows),
                 .max_logit_rows = chunk_rows,
                 .fake_activations = model_->fake_activations}) {}

void Teacher::run(std::span<const PackedRow> batch, std::span<const int32_t> targets) {
  hidden_.clear();
  size_t target = 0;
  for (size_t begin = 0; begin < batch.size();) {
    size_t end = begin + 1;
    while (end < batch.size() && batch[end].position != 0) ++end;
    size_t last = target;
    while (last < targets.size() && targets[last] < static_cast<int32_t>(end)) ++last;
    if (last > target)  // a piece in which nothing is learned is not run
      run_piece(batch.subspan(begin, end - begin), targets.subspan(target, last - target), static_cast<int64_t>(begin));
    target = last;
    begin = end;
  }
  SLM_CHECK(target == targets.size(), "[teacher] target row {}, the batch has {}", targets[target], batch.size());
}

void Teacher::run_piece(std::span<const PackedRow> piece, std::span<const int32_t> targets, int64_t first_row) {
  std::vector<BatchRow> rows;
  std::vector<int32_t> wanted;
  for (size_t begin = 0, target = 0; begin < piece.size(); begin += static_cast<size_t>(executor_.max_rows())) {
    const size_t end = std::min(piece.size(), begin + static_cast<size_t>(executor_.max_rows()));
    rows.clear();
    for (size_t t = begin; t < end; ++t) rows.push_back({.token = piece[t].token, .position = static_cast<int32_t>(t)});
    executor_.begin(rows);
    const MatrixView x = hidden(executor_, model_->weights);
    while (target < targets.size() && targets[target] - first_row < static_cast<int64_t>(end)) {
      wanted.clear();
      while (target < targets.size() && targets[target] - first_row < static_cast<int64_t>(end) &&
             std::ssize(wanted) < executor_.max_logit_rows())
        wanted.push_back(static_cast<int32_t>(targets[target++] - first_row - static_cast<int64_t>(begin)));
      const MatrixView kept = head_input(executor_, model_->weights, x, wanted);
      hidden_.insert(hidden_.end(), kept.data, kept.data + kept.rows * kept.columns);
    }
  }
}

ConstMatrixView Teacher::logits(int64_t begin, int64_t end) {
  const int64_t width = model_->config.width;
  SLM_CHECK(
      0 <= begin && begin < end && end * width <= std::ssize(hidden_) && end - begin <= executor_.max_logit_rows(),
      "[teacher] logits of rows {} to {}, there are {}, {} at once", begin, end, std::ssize(hidden_) / width,
      executor_.max_logit_rows());
  return executor_.logits({hidden_.data() + begin * width, end - begin, width, width}, model_->weights.head_table());
}

uint64_t Teacher::planned_bytes(const ModelFiles& files, const SchemePlan& plan, int64_t rows, int64_t chunk_rows) {
  const ModelConfig& c = files.config();
  const int64_t step = std::min(rows, kStepRows);
  const int64_t floats =
      step * (4 * c.width + 2 * c.ffn + c.q_width() + 2 * c.kv_width()) + chunk_rows * (c.vocab + c.width);
  return slm::planned_bytes(files, plan) + KvCache::bytes(c, {.capacity = rows, .storage = kernels::KvStorage::F32}) +
         static_cast<uint64_t>(floats) * sizeof(float);
}

}  // namespace slm
