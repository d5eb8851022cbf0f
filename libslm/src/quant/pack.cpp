// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/pack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "quant/group_kernel.h"
#include "slm/core/parallel.h"
#include "slm/kernels/fake_quant/variants.h"
#include "slm/kernels/gemm_variants.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

constexpr uint64_t kStepBytes = uint64_t{8} << 20;  // stored bytes in flight before their pages are given back
constexpr int64_t kGrainValues = 1 << 14;           // values worth a thread

/// One thread's room for the rows of a panel on their way from the file to the packed layout.
class RowBuffers {
 public:
  RowBuffers(WeightScheme scheme, int64_t k, int64_t columns)
      : kernels_(kernels::select(kernels::fake_quant_variants())),
        scheme_(scheme),
        row_bytes_(row_bytes(scheme, k)),
        values_(static_cast<size_t>(k)),
        rows_(static_cast<size_t>(columns) * row_bytes_) {}

  /// Pointer to row r of the source in `scheme`'s own format: in the file where it already is, else in this buffer.
  const std::byte* fetch(const MatrixSource& source, int64_t r, int64_t slot, bool fake_quantized,
                         WeightScheme values_scheme, const std::optional<GridParams>& tensor, float* row_scale) try {
    const int64_t stored = source.stored_row(r);
    if (!source.row_scales.empty()) *row_scale = source.row_scales[static_cast<size_t>(stored)];
    const std::optional<WeightScheme> native = source.native();
    source.check_stored_row(stored);
    if (!fake_quantized && native == scheme_) return source.tensor.row(stored).data();
    source.decode_row(r, values_);
    std::span<std::byte> row(rows_.data() + static_cast<size_t>(slot) * row_bytes_, row_bytes_);
    if (fake_quantized && native != values_scheme) {
      codes_.resize(row_bytes(values_scheme, static_cast<int64_t>(values_.size())));
      encode_row(kernels_, values_scheme, values_, codes_, row_scale, tensor);
      slm::decode_row(values_scheme, codes_, *row_scale, values_);
    }
    encode_row(kernels_, scheme_, values_, row, row_scale, fake_quantized ? std::nullopt : tensor);
    return row.data();
  } catch (const ArgumentError& error) {
    throw FormatError(source.name, fmt::format("row {}: {}", r, error.what()));
  }

 private:
  const kernels::FakeQuantVariant& kernels_;
  WeightScheme scheme_;
  uint64_t row_bytes_;
  std::vector<float> values_;
  std::vector<std::byte> rows_, codes_;
};

/// Rows that have about kStepBytes, of n that have `bytes`.
int64_t rows_of_a_step(int64_t n, uint64_t bytes) {
  return std::max<int64_t>(1,
                           static_cast<int64_t>(kStepBytes * static_cast<uint64_t>(n) / std::max<uint64_t>(bytes, 1)));
}

}  // namespace

std::optional<WeightScheme> MatrixSource::native() const {
  if (tensor.dtype() == Dtype::I8) return WeightScheme::W8C;
  return native_scheme(tensor.dtype());
}

void MatrixSource::check_stored_row(int64_t stored) const {
  const std::optional<WeightScheme> scheme = native();
  if (!scheme) return;
  slm::check_row_finite(*scheme, tensor.row(stored),
                        row_scales.empty() ? 0.0f : row_scales[static_cast<size_t>(stored)]);
}

void MatrixSource::decode_row(int64_t r, std::span<float> values) const {
  const int64_t stored = stored_row(r);
  if (tensor.dtype() == Dtype::I8)
    slm::decode_row(WeightScheme::W8C, tensor.row(stored), row_scales[static_cast<size_t>(stored)], values);
  else
    decode_blocks(tensor.dtype(), tensor.row(stored), values);
}

std::optional<GridParams> tensor_params(WeightScheme scheme, const MatrixSource& source, const RowsRead& rows_read) {
  if (info(scheme).granularity != Granularity::Tensor) return {};
  std::vector<MinMax> of_row(static_cast<size_t>(source.n()));
  const auto look_at = [&](int64_t begin, int64_t end) {
    std::vector<float> values(static_cast<size_t>(source.k()));
    for (int64_t r = begin; r < end; ++r) try {
        source.decode_row(r, values);
        of_row[static_cast<size_t>(r)] = min_max(values);
      } catch (const ArgumentError& error) {
        throw FormatError(source.name, fmt::format("row {}: {}", r, error.what()));
      }
  };
  const int64_t step = rows_of_a_step(source.n(), source.tensor.bytes());
  for (int64_t first = 0; first < source.n(); first += step) {
    const int64_t last = std::min(first + step, source.n());
    parallel_for(last - first, std::max<int64_t>(1, kGrainValues / source.k()),
                 [&](int64_t begin, int64_t end, int) { look_at(first + begin, first + end); });
    if (rows_read) rows_read(first, last);
  }
  MinMax all = of_row[0];
  for (const MinMax& row : of_row) all = {std::min(all.min, row.min), std::max(all.max, row.max)};
  return tensor_params(scheme, all);
}

PackedMatrix::PackedMatrix(WeightScheme scheme, int64_t n, int64_t k)
    : scheme_(scheme), n_(n), k_(k), variant_(&kernels::select(kernels::gemm_variants(info(scheme).storage))) {
  SLM_CHECK(n > 0 && k > 0, "[pack] matrix is ({},{}), expected at least one row and column", n, k);
  check_depth("pack", scheme, k);
  panel_bytes_ = variant_->panel_bytes(k);
  data_ = AlignedBuffer(panel_bytes_ * static_cast<size_t>(panels()));
}

void PackedMatrix::unpack_row(int64_t r, std::span<std::byte> row, float* row_scale) const {
  SLM_CHECK(r >= 0 && r < n_, "[unpack_row] row {}, the matrix has {}", r, n_);
  SLM_CHECK(row.size() == row_bytes(scheme_, k_), "[unpack_row] room for {} bytes, a row of {} values of {} has {}",
            row.size(), k_, name(scheme_), row_bytes(scheme_, k_));
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
  const uint64_t bytes = row_bytes(scheme_, k_);
  SLM_CHECK(scratch.size() >= bytes, "[decode_row] scratch of {} bytes, a row of {} has {}", scratch.size(),
            name(scheme_), bytes);
  const std::span<std::byte> row = scratch.first(bytes);
  unpack_row(r, row, &row_scale);
  slm::decode_row(scheme_, row, row_scale, values);
}

namespace {

/// The sources' rows, numbered one after another.
class StackedRows {
 public:
  explicit StackedRows(std::span<const MatrixSource> sources) : sources_(sources) {
    SLM_CHECK(!sources.empty(), "[pack] no matrix given");
    for (const MatrixSource& source : sources) {
      SLM_CHECK(source.tensor.shape().rank() == 2 && source.k() == k(), "[pack] matrix is {}, expected (…,{})",
                source.tensor.shape().to_string(), k());
      SLM_CHECK(source.tensor.dtype() != Dtype::I8 || source.row_scales.size() == static_cast<size_t>(source.n()),
                "[pack] int8 codes of {} rows come with {} row scales", source.n(), source.row_scales.size());
      first_.push_back(first_.back() + source.n());
      bytes_ += source.tensor.bytes();
    }
  }

  int64_t n() const { return first_.back(); }
  int64_t k() const { return sources_[0].k(); }
  int64_t step_rows() const { return rows_of_a_step(n(), bytes_); }
  /// The source of a row, and the row in it. Rows are asked for in rising order: `hint` goes along.
  std::pair<const MatrixSource*, int64_t> at(int64_t row, size_t& hint) const {
    while (row >= first_[hint + 1]) ++hint;
    return {&sources_[hint], row - first_[hint]};
  }
  /// Rows before `done` were read for the last time: tells `rows_done` those it has not heard of.
  void release(int64_t done, const std::function<void(size_t, int64_t, int64_t)>& rows_done) {
    while (released_ < done) {
      static_cast<void>(at(released_, released_source_));
      const int64_t end = std::min(done, first_[released_source_ + 1]);
      rows_done(released_source_, released_ - first_[released_source_], end - first_[released_source_]);
      released_ = end;
    }
  }

 private:
  std::span<const MatrixSource> sources_;
  std::vector<int64_t> first_ = {0};  // first row of each source, and one past the last
  uint64_t bytes_ = 0;
  int64_t released_ = 0;
  size_t released_source_ = 0;
};

/// Packs panels [begin, end): one thread's share. `tensors`: parameters of each source, where the scheme has such.
void pack_panels(const StackedRows& rows, WeightScheme scheme, bool fake_quantized,
                 std::span<const std::optional<GridParams>> tensors, int64_t begin, int64_t end, PackedMatrix& packed) {
  const int64_t columns = packed.variant().panel_columns;
  RowBuffers buffers(packed.scheme(), packed.k(), columns);
  std::array<const std::byte*, kernels::kMaxPanelColumns> row{};
  std::array<float, kernels::kMaxPanelColumns> scale{};
  size_t hint = 0;
  for (int64_t p = begin; p < end; ++p) {
    const int64_t count = std::min(columns, rows.n() - p * columns);
    for (int64_t i = 0; i < count; ++i) {
      const auto [source, r] = rows.at(p * columns + i, hint);
      const auto slot = static_cast<size_t>(i);
      row[slot] = buffers.fetch(*source, r, i, fake_quantized, scheme, tensors[hint], &scale[slot]);
    }
    packed.variant().pack(
        {.rows = row.data(), .row_scales = scale.data(), .count = count, .k = packed.k(), .panel = packed.panel(p)});
  }
}

}  // namespace

PackedMatrix pack(WeightScheme scheme, std::span<const MatrixSource> sources, const PackOptions& options) {
  StackedRows rows(sources);
  check_depth("pack", scheme, rows.k());
  PackedMatrix packed(options.fake_quantized ? WeightScheme::F32 : scheme, rows.n(), rows.k());
  const int64_t columns = packed.variant().panel_columns;
  SLM_CHECK(columns <= kernels::kMaxPanelColumns, "[pack] panels of {} columns, at most {}", columns,
            kernels::kMaxPanelColumns);
  std::vector<std::optional<GridParams>> tensors;
  for (size_t i = 0; i < sources.size(); ++i)
    tensors.push_back(tensor_params(scheme, sources[i], [&](int64_t begin, int64_t end) {
      if (options.rows_done) options.rows_done(i, begin, end);
    }));
  const int64_t step = std::max<int64_t>(rows.step_rows() / columns, num_threads());
  for (int64_t first = 0; first < packed.panels(); first += step) {
    const int64_t last = std::min(first + step, packed.panels());
    parallel_for(last - first, 1, [&](int64_t begin, int64_t end, int) {
      pack_panels(rows, scheme, options.fake_quantized, tensors, first + begin, first + end, packed);
    });
    if (options.rows_done) rows.release(std::min(last * columns, rows.n()), options.rows_done);
  }
  return packed;
}

}  // namespace slm
