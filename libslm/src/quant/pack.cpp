// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/pack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "slm/core/parallel.h"
#include "slm/kernels/gemm_variants.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

constexpr int64_t kMaxPanelColumns = 64;
constexpr uint64_t kStepBytes = uint64_t{8} << 20;  // stored bytes in flight before their pages are given back

/// One thread's room for the rows of a panel on their way from the file to the packed layout.
class RowBuffers {
 public:
  RowBuffers(WeightScheme scheme, int64_t k, int64_t columns)
      : scheme_(scheme),
        row_bytes_(row_bytes(scheme, k)),
        values_(static_cast<size_t>(k)),
        rows_(static_cast<size_t>(columns) * row_bytes_) {}

  /// Pointer to row r of the source in `scheme`'s own format: in the file where it already is, else in this buffer.
  const std::byte* fetch(const MatrixSource& source, int64_t r, int64_t slot, bool fake_quantized,
                         WeightScheme values_scheme, float* row_scale) {
    const int64_t stored = source.stored_row(r);
    if (!source.row_scales.empty()) *row_scale = source.row_scales[static_cast<size_t>(stored)];
    if (!fake_quantized && source.native() == scheme_) return source.tensor.row(stored).data();
    source.decode_row(r, values_);
    std::span<std::byte> row(rows_.data() + static_cast<size_t>(slot) * row_bytes_, row_bytes_);
    if (fake_quantized) {
      codes_.resize(row_bytes(values_scheme, static_cast<int64_t>(values_.size())));
      encode_row(values_scheme, values_, codes_, row_scale);
      slm::decode_row(values_scheme, codes_, *row_scale, values_);
    }
    encode_row(scheme_, values_, row, row_scale);
    return row.data();
  }

 private:
  WeightScheme scheme_;
  uint64_t row_bytes_;
  std::vector<float> values_;
  std::vector<std::byte> rows_, codes_;
};

}  // namespace

std::optional<WeightScheme> MatrixSource::native() const {
  if (tensor.dtype() == Dtype::I8) return WeightScheme::W8C;
  return native_scheme(tensor.dtype());
}

void MatrixSource::decode_row(int64_t r, std::span<float> values) const {
  const int64_t stored = stored_row(r);
  if (tensor.dtype() == Dtype::I8)
    slm::decode_row(WeightScheme::W8C, tensor.row(stored), row_scales[static_cast<size_t>(stored)], values);
  else
    decode_blocks(tensor.dtype(), tensor.row(stored), values);
}

PackedMatrix::PackedMatrix(WeightScheme scheme, int64_t n, int64_t k)
    : scheme_(scheme), n_(n), k_(k), variant_(&kernels::select(kernels::gemm_variants(info(scheme).storage))) {
  SLM_CHECK(n > 0 && k > 0, "[pack] matrix is ({},{}), expected at least one row and column", n, k);
  SLM_CHECK(k % info(scheme).group == 0, "[pack] rows of {} values, {} needs a multiple of {}", k, name(scheme),
            info(scheme).group);
  SLM_CHECK(scheme != WeightScheme::W8C || k <= kernels::kMaxQ8cDepth,
            "[pack] rows of {} values, w8c sums at most {} in int32", k, kernels::kMaxQ8cDepth);
  panel_bytes_ = variant_->panel_bytes(k);
  data_ = AlignedBuffer(panel_bytes_ * static_cast<size_t>(panels()));
}

void PackedMatrix::unpack_row(int64_t r, std::span<std::byte> row, float* row_scale) const {
  const int64_t columns = variant_->panel_columns;
  std::byte* const destination = row.data();
  variant_->unpack({.panel = panel(r / columns),
                    .k = k_,
                    .row_begin = r % columns,
                    .row_end = r % columns + 1,
                    .rows = &destination,
                    .row_scales = row_scale});
}

void PackedMatrix::decode_row(int64_t r, std::span<std::byte> scratch, std::span<float> values) const {
  float row_scale = 0;
  const std::span<std::byte> row = scratch.first(row_bytes(scheme_, k_));
  unpack_row(r, row, &row_scale);
  slm::decode_row(scheme_, row, row_scale, values);
}

PackedMatrix pack(WeightScheme scheme, std::span<const MatrixSource> sources, const PackOptions& options) {
  SLM_CHECK(!sources.empty(), "[pack] no matrix given");
  const int64_t k = sources[0].k();
  std::vector<int64_t> first = {0};  // first packed row of each source
  uint64_t stored_bytes = 0;
  for (const MatrixSource& source : sources) {
    SLM_CHECK(source.tensor.shape().rank() == 2 && source.k() == k, "[pack] matrix is {}, expected (…,{})",
              source.tensor.shape().to_string(), k);
    SLM_CHECK(source.tensor.dtype() != Dtype::I8 || source.row_scales.size() == static_cast<size_t>(source.n()),
              "[pack] int8 codes of {} rows come with {} row scales", source.n(), source.row_scales.size());
    first.push_back(first.back() + source.n());
    stored_bytes += source.tensor.bytes();
  }
  const int64_t n = first.back();
  const WeightScheme held = options.fake_quantized ? WeightScheme::F32 : scheme;
  SLM_CHECK(k % info(scheme).group == 0, "[pack] rows of {} values, {} needs a multiple of {}", k, name(scheme),
            info(scheme).group);
  PackedMatrix packed(held, n, k);

  const int64_t columns = packed.variant().panel_columns;
  SLM_CHECK(columns <= kMaxPanelColumns, "[pack] panels of {} columns, at most {}", columns, kMaxPanelColumns);
  const int64_t step_rows =
      static_cast<int64_t>(kStepBytes * static_cast<uint64_t>(n) / std::max<uint64_t>(stored_bytes, 1));
  const int64_t step_panels = std::max<int64_t>(step_rows / columns, num_threads());
  size_t released_source = 0;
  int64_t released_row = 0;

  for (int64_t step = 0; step < packed.panels(); step += step_panels) {
    const int64_t count = std::min(step_panels, packed.panels() - step);
    parallel_for(count, 1, [&](int64_t begin, int64_t end, int) {
      RowBuffers buffers(held, k, columns);
      std::array<const std::byte*, kMaxPanelColumns> rows;
      std::array<float, kMaxPanelColumns> scales{};
      size_t source = 0;
      for (int64_t p = step + begin; p < step + end; ++p) {
        const int64_t in_panel = std::min(columns, n - p * columns);
        for (int64_t i = 0; i < in_panel; ++i) {
          const int64_t row = p * columns + i;
          while (row >= first[source + 1]) ++source;
          rows[static_cast<size_t>(i)] = buffers.fetch(sources[source], row - first[source], i, options.fake_quantized,
                                                       scheme, &scales[static_cast<size_t>(i)]);
        }
        packed.variant().pack(
            {.rows = rows.data(), .row_scales = scales.data(), .count = in_panel, .k = k, .panel = packed.panel(p)});
      }
    });
    if (!options.rows_done) continue;
    for (const int64_t done = std::min((step + count) * columns, n); first[released_source] + released_row < done;) {
      const int64_t end = std::min(done - first[released_source], sources[released_source].n());
      options.rows_done(released_source, released_row, end);
      released_row = end;
      if (end == sources[released_source].n()) ++released_source, released_row = 0;
    }
  }
  return packed;
}

}  // namespace slm
