// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/weight_view.h"

#include <algorithm>

#include "quant/group_kernel.h"
#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/kernels/fake_quant/variants.h"
#include "slm/quant/fake_quant.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

constexpr int64_t kGrainValues = 1 << 14;  // values worth a thread
constexpr int64_t kRowsAhead = 2;  // fetched while a row of a narrow piece is read: no hardware foresees a stride

void prefetch(std::span<const float> values) {
  constexpr size_t kLine = 64 / sizeof(float);
  for (size_t i = 0; i < values.size(); i += kLine) __builtin_prefetch(&values[i]);
}

}  // namespace

WeightView::WeightView(std::span<const float> weights, int64_t n, int64_t k, std::optional<WeightScheme> scheme)
    : weights_(weights),
      n_(n),
      k_(k),
      scheme_(scheme ? &info(*scheme) : nullptr),
      kernel_(&kernels::select(kernels::fake_quant_variants())) {
  SLM_CHECK(n > 0 && k > 0 && std::ssize(weights) == n * k, "[weight_view] {} weights for a matrix of ({},{})",
            weights.size(), n, k);
  if (scheme) check_depth("weight_view", *scheme, k);
  if (scheme_ == nullptr || scheme_->granularity == Granularity::Group) return;
  const Grid& grid = *scheme_->grid;
  row_params_.resize(static_cast<size_t>(n));
  if (scheme_->granularity == Granularity::Tensor) {
    std::fill(row_params_.begin(), row_params_.end(), find_params(grid, weights_));
    return;
  }
  parallel_for(n, std::max<int64_t>(1, kGrainValues / k), [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      row_params_[static_cast<size_t>(r)] =
          find_params(grid, weights_.subspan(static_cast<size_t>(r * k), static_cast<size_t>(k)));
  });
}

int64_t WeightView::unit() const { return scheme_ == nullptr ? 1 : scheme_->group; }

void WeightView::read(int64_t row_begin, int64_t row_end, int64_t column_begin, int64_t column_end,
                      std::span<float> out) const {
  const int64_t columns = column_end - column_begin;
  SLM_CHECK(0 <= row_begin && row_begin <= row_end && row_end <= n_ && 0 <= column_begin && columns > 0 &&
                column_end <= k_ && column_begin % unit() == 0 && column_end % unit() == 0,
            "[weight_view] rows {} to {}, columns {} to {} of ({},{}) in units of {}", row_begin, row_end, column_begin,
            column_end, n_, k_, unit());
  SLM_CHECK(std::ssize(out) == (row_end - row_begin) * columns, "[weight_view] room for {} values, the piece has {}",
            out.size(), (row_end - row_begin) * columns);
  const auto width = static_cast<size_t>(columns);
  const auto piece_of = [&](int64_t r) { return weights_.subspan(static_cast<size_t>(r * k_ + column_begin), width); };
  for (int64_t r = row_begin; r < row_end; ++r) {
    if (columns < k_ && r + kRowsAhead < n_) prefetch(piece_of(r + kRowsAhead));
    read_row(r, piece_of(r), out.subspan(static_cast<size_t>(r - row_begin) * width, width));
  }
}

void WeightView::read_row(int64_t r, std::span<const float> from, std::span<float> to) const {
  if (scheme_ == nullptr) {
    std::copy(from.begin(), from.end(), to.begin());
  } else if (!row_params_.empty()) {
    const GridParams& params = row_params_[static_cast<size_t>(r)];
    const Grid& grid = *scheme_->grid;
    if (grid.kind == GridKind::Symmetric)
      kernel_->symmetric(from.data(), std::ssize(from), params.inverse, params.scale, to.data());
    else
      fake_quant(grid, params, from, to);
  } else if (!groups_by_kernel(*kernel_, *scheme_, from, to)) {
    fake_quant(scheme_->scheme, std::ssize(from), from, to);  // plain types; and what a kernel refuses, by name
  }
}

void WeightView::encode_row(int64_t r, std::span<std::byte> row, float* row_scale) const {
  SLM_CHECK(scheme_ != nullptr && r >= 0 && r < n_, "[weight_view] row {} of {} as stored, scheme {}", r, n_,
            scheme_ == nullptr ? "none" : scheme_->name);
  const std::span<const float> values = weights_.subspan(static_cast<size_t>(r * k_), static_cast<size_t>(k_));
  slm::encode_row(*kernel_, scheme_->scheme, values, row, row_scale,
                  row_params_.empty() ? std::nullopt : std::optional(row_params_[static_cast<size_t>(r)]));
}

void WeightView::mask_clipped_(std::span<float> gradient) const {
  SLM_CHECK(gradient.size() == weights_.size(), "[weight_view] gradient of {} values, the matrix has {}",
            gradient.size(), weights_.size());
  if (scheme_ == nullptr || !scheme_->grid) return;
  // Only grids of a signed maximum and of a rounded zero point clip: the others reach as far as their largest weight.
  const Grid& grid = *scheme_->grid;
  if (grid.range != Range::SignedMax && grid.kind != GridKind::IntegerZero) return;
  const auto width = static_cast<size_t>(k_);
  parallel_for(n_, std::max<int64_t>(1, kGrainValues / k_), [&](int64_t begin, int64_t end, int) {
    if (grid.range == Range::SignedMax && scheme_->group == 32)
      return kernel_->mask_q4_0_(weights_.data() + begin * k_, (end - begin) * k_, grid.qmax,
                                 gradient.data() + begin * k_);
    std::vector<float> ignored(width);
    std::vector<uint8_t> inside(width);
    for (int64_t r = begin; r < end; ++r) {
      const auto first = static_cast<size_t>(r) * width;
      const std::span<const float> row = weights_.subspan(first, width);
      if (row_params_.empty())
        fake_quant(scheme_->scheme, k_, row, ignored, inside);
      else
        fake_quant(grid, row_params_[static_cast<size_t>(r)], row, ignored, inside);
      for (size_t i = 0; i < width; ++i)
        if (inside[i] == 0) gradient[first + i] = 0.0f;
    }
  });
}

}  // namespace slm
