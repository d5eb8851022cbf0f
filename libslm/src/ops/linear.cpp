// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/linear.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/grain.h"
#include "ops/panel_product.h"
#include "slm/core/division.h"
#include "slm/core/finite.h"
#include "slm/core/parallel.h"
#include "slm/quant/grid.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

constexpr int64_t kGroup = 32;

int64_t groups(int64_t k) { return ceil_div(k, kGroup); }

}  // namespace

LinearInput::LinearInput(const kernels::VecVariant& vec, int64_t max_rows, int64_t max_k)
    : vec_(vec),
      max_rows_(max_rows),
      max_k_(max_k),
      codes_(static_cast<size_t>(max_rows * max_k)),
      scales_(static_cast<size_t>(max_rows * groups(max_k)) * sizeof(float)),
      offsets_(static_cast<size_t>(max_rows * groups(max_k)) * sizeof(int32_t)),
      rows_{codes_.as<int8_t>(), scales_.as<float>(), offsets_.as<int32_t>()} {}

void LinearInput::set(ConstMatrixView x) {
  SLM_CHECK(x.rows <= max_rows_ && x.columns <= max_k_, "[linear] x is ({},{}), room was made for ({},{})", x.rows,
            x.columns, max_rows_, max_k_);
  x_ = x;
  made_ = ActivationScheme::F32;
  made_by_.reset();
}

void LinearInput::lay_out(ActivationScheme scheme) {
  const int64_t k = x_.columns;
  SLM_CHECK(scheme != ActivationScheme::A8G32 || k % kGroup == 0,
            "[linear] x is ({},{}), a8g32 needs a multiple of {} columns", x_.rows, k, kGroup);
  SLM_CHECK(scheme != ActivationScheme::A8T || k <= kernels::kMaxQ8cDepth,
            "[linear] x is ({},{}), a8t takes {} columns at most", x_.rows, k, kernels::kMaxQ8cDepth);
  rows_.columns = k;
  rows_.groups = scheme == ActivationScheme::A8G32 ? x_.columns / kGroup : 1;
}

const QuantizedRows& LinearInput::quantized(ActivationScheme scheme) {
  if (scheme == made_ && !made_by_) return rows_;
  lay_out(scheme);
  const int64_t k = x_.columns;
  parallel_for(x_.rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      int8_t* codes = rows_.codes + r * k;
      if (scheme == ActivationScheme::A8G32)
        vec_.quantize_a8g32(x_.row(r), k, codes, rows_.scales + r * (k / kGroup), rows_.offsets + r * (k / kGroup));
      else
        vec_.quantize_a8t(x_.row(r), k, codes, rows_.scales + r, rows_.offsets + r);
    }
  });
  made_ = scheme;
  made_by_.reset();
  return rows_;
}

const QuantizedRows& LinearInput::quantized(ActivationScheme layout, const GridParams& params) {
  SLM_CHECK(layout != ActivationScheme::F32, "[linear] static inputs for float weights");
  if (layout == made_ && made_by_ == params) return rows_;
  lay_out(layout);
  const bool grouped = layout == ActivationScheme::A8G32;
  const int64_t k = x_.columns, group = grouped ? kGroup : k;
  parallel_for(x_.rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t g = begin * (k / group); g < end * (k / group); ++g) {
      const float* x = x_.row(g * group / k) + g * group % k;
      int8_t* codes = rows_.codes + g * group;
      int32_t sum = 0;
      for (int64_t j = 0; j < group; ++j) {
        const int32_t code = encode(kGridA8S, params, x[j]);
        codes[j] = static_cast<int8_t>(code);
        sum += code;
      }
      rows_.offsets[g] = grouped ? kernels::group_offset(sum) : kernels::kOffsetPerCode * sum;
      rows_.scales[g] = params.scale;
    }
  });
  made_ = layout;
  made_by_ = params;
  return rows_;
}

ConstMatrixView LinearInput::fake_quantized(ActivationScheme scheme) {
  if (scheme == ActivationScheme::F32) return x_;
  const QuantizedRows& rows = quantized(scheme);
  const int64_t k = x_.columns;
  if (values_.size() == 0) values_ = AlignedBuffer(static_cast<size_t>(max_rows_ * max_k_) * sizeof(float));
  float* values = values_.as<float>();
  parallel_for(x_.rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t j = 0; j < k; ++j) {
        const float scale =
            scheme == ActivationScheme::A8G32 ? rows.scales[r * (k / kGroup) + j / kGroup] : rows.scales[r];
        values[r * k + j] = decode(kGridA8T, {.scale = scale}, rows.codes[r * k + j]);  // a8g32 decodes alike
      }
  });
  return {values, x_.rows, k, k};
}

float zero_corrected(float bias, std::span<const float> row, const GridParams& input) {
  double sum = 0.0;
  for (const float value : row) sum += static_cast<double>(value);
  const double corrected = static_cast<double>(bias) - static_cast<double>(input.scale) * input.zero * sum;
  const auto stored = static_cast<float>(corrected);
  SLM_CHECK_FINITE(stored,
                   "[linear] static inputs of scale {} and zero point {} make a bias of {}, expected a finite float32",
                   input.scale, input.zero, corrected);
  return stored;
}

void add_zero_correction_(const PackedMatrix& w, const GridParams& input, std::span<float> bias) {
  SLM_CHECK(std::ssize(bias) == w.n(), "[linear] bias has {} values, expected {}", bias.size(), w.n());
  parallel_for(w.n(), grain(w.k()), [&](int64_t begin, int64_t end, int) {
    std::vector<std::byte> scratch(row_bytes(w.scheme(), w.k()));
    std::vector<float> row(static_cast<size_t>(w.k()));
    for (int64_t r = begin; r < end; ++r) {
      w.decode_row(r, scratch, row);
      bias[static_cast<size_t>(r)] = zero_corrected(bias[static_cast<size_t>(r)], row, input);
    }
  });
}

void linear_into(LinearInput& input, const PackedMatrix& w, std::span<const float> bias, MatrixView y,
                 const std::optional<GridParams>& params) {
  const PanelProduct product(input, w, params);
  const int64_t rows = product.rows(), columns = product.panel_columns();
  SLM_CHECK(y.rows == rows && y.columns == w.n(), "[linear] y is ({},{}), expected ({},{})", y.rows, y.columns, rows,
            w.n());
  SLM_CHECK(bias.empty() || std::ssize(bias) == w.n(), "[linear] bias has {} values, expected {}", bias.size(), w.n());
  parallel_for(w.panels(), product.grain(), [&](int64_t begin, int64_t end, int) {
    const float* const first = bias.empty() ? nullptr : bias.data() + begin * columns;
    product.into(0, rows, begin, end, first, y.data + begin * columns, y.stride);
  });
}

}  // namespace slm
