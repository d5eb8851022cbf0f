// SPDX-License-Identifier: Apache-2.0
#include "export/stream_rows.h"

#include <algorithm>
#include <cstring>

#include "quant/group_kernel.h"
#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/kernels/fake_quant/variants.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

constexpr int64_t kStepValues = int64_t{1} << 20;  // 4 MB of float32 in flight
constexpr int64_t kGrainValues = 1 << 14;          // values worth a thread

/// One matrix on its way out.
class MatrixStream {
 public:
  MatrixStream(const ModelTensor& tensor, WeightScheme scheme, int64_t paired_head_dim)
      : kernels_(kernels::select(kernels::fake_quant_variants())),
        tensor_(tensor),
        source_(tensor.source),
        scheme_(scheme),
        paired_(paired_head_dim),
        copied_(tensor.source.native() == scheme),
        row_bytes_(row_bytes(scheme, tensor.source.k())),
        tensor_params_(tensor_params(
            scheme, tensor.source, [&tensor](int64_t begin, int64_t end) { tensor.stored.release_rows(begin, end); })) {
    // Whole heads, so that a step reads the same rows it writes, whatever the two orders are.
    const int64_t unit = std::max({int64_t{1}, paired_, source_.paired_head_dim});
    step_rows_ = std::max<int64_t>(kStepValues / std::max<int64_t>(source_.k(), 1) / unit, 1) * unit;
    if (has_row_scales(scheme)) result_.row_scales.resize(static_cast<size_t>(source_.n()));
  }

  StreamedTensor run(const RowSink& sink) {
    for (int64_t begin = 0; begin < source_.n(); begin += step_rows_) {
      const int64_t end = std::min(begin + step_rows_, source_.n());
      if (copied_ && paired_ == source_.paired_head_dim) {
        for_rows(begin, end, [&](int64_t first, int64_t last) {
          for (int64_t r = first; r < last; ++r) check_finite(r);
        });
        sink({source_.tensor.row(begin).data(), static_cast<size_t>(end - begin) * row_bytes_});
        for (int64_t r = begin; r < end; ++r) copy_scale(r, r);
      } else {
        make_rows(begin, end);
        sink({rows_.data(), static_cast<size_t>(end - begin) * row_bytes_});
        for (int64_t r = begin; r < end; ++r) result_.sqnr.add(noise_[static_cast<size_t>(r - begin)]);
      }
      tensor_.stored.release_rows(begin, end);
    }
    return std::move(result_);
  }

 private:
  /// f(first row, last row) on parts of rows [begin, end), in parallel.
  template <class F>
  void for_rows(int64_t begin, int64_t end, F f) {
    parallel_for(end - begin, std::max<int64_t>(1, kGrainValues / source_.k()),
                 [&](int64_t first, int64_t last, int) { f(begin + first, begin + last); });
  }
  /// Also of a row that is only copied: the loader would refuse it.
  void check_finite(int64_t stored) const try { source_.check_stored_row(stored); } catch (const ArgumentError& error) {
    const std::string what = fmt::format("{}: row {} of the file: {}", source_.name, stored, error.what());
    if (tensor_.stored.file == nullptr) throw ArgumentError(what);
    throw FormatError(tensor_.stored.file->path(), what);
  }
  void copy_scale(int64_t to, int64_t stored) {
    if (has_row_scales(scheme_))
      result_.row_scales[static_cast<size_t>(to)] = source_.row_scales[static_cast<size_t>(stored)];
  }

  /// Rows [begin, end) of the new file, into rows_; each row's noise by itself, so that threads do not change the sum.
  void make_rows(int64_t begin, int64_t end) {
    rows_.resize(static_cast<size_t>(end - begin) * row_bytes_);
    noise_.assign(static_cast<size_t>(end - begin), {});
    for_rows(begin, end, [&](int64_t first, int64_t last) {
      std::vector<float> values(static_cast<size_t>(source_.k())), again(values.size());
      for (int64_t r = first; r < last; ++r) make_row(r, static_cast<size_t>(r - begin), values, again);
    });
  }
  /// values and again: room for the row, and for what it became.
  void make_row(int64_t r, size_t place, std::span<float> values, std::span<float> again) {
    const int64_t logical = logical_row(r, paired_), stored = source_.stored_row(logical);
    const std::span<std::byte> row(rows_.data() + place * row_bytes_, row_bytes_);
    check_finite(stored);
    if (copied_) {
      std::memcpy(row.data(), source_.tensor.row(stored).data(), row_bytes_);
      return copy_scale(r, stored);
    }
    float scale = 0.0f;
    source_.decode_row(logical, values);
    encode_row(kernels_, scheme_, values, row, &scale, tensor_params_);
    decode_row(scheme_, row, scale, again);
    noise_[place].add(values, again);
    if (has_row_scales(scheme_)) result_.row_scales[static_cast<size_t>(r)] = scale;
  }

  const kernels::FakeQuantVariant& kernels_;
  const ModelTensor& tensor_;
  const MatrixSource& source_;
  WeightScheme scheme_;
  int64_t paired_;
  bool copied_;
  uint64_t row_bytes_;
  std::optional<GridParams> tensor_params_;
  int64_t step_rows_ = 0;
  std::vector<std::byte> rows_;
  std::vector<SqnrAccumulator> noise_;
  StreamedTensor result_;
};

template <class F>
auto naming(const ModelTensor& tensor, F f) {
  try {
    return f();
  } catch (const ArgumentError& error) {
    throw ArgumentError(fmt::format("{} (tensor {})", error.what(), tensor.name));
  }
}

}  // namespace

int64_t logical_row(int64_t stored, int64_t paired_head_dim) {
  if (paired_head_dim == 0) return stored;
  const int64_t half = paired_head_dim / 2, head = stored / paired_head_dim, in = stored % paired_head_dim;
  return head * paired_head_dim + (in % 2) * half + in / 2;
}

StreamedTensor stream_matrix(const ModelTensor& tensor, WeightScheme scheme, int64_t paired_head_dim,
                             const RowSink& sink) {
  return naming(tensor, [&] { return MatrixStream(tensor, scheme, paired_head_dim).run(sink); });
}

StreamedTensor stream_vector(const ModelFiles& model, const ModelTensor& tensor, WeightScheme scheme,
                             int64_t paired_head_dim, const RowSink& sink) {
  return naming(tensor, [&] {
    const std::vector<float> logical = model.vector(tensor.name);
    std::vector<float> values(logical.size()), again(logical.size());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = logical[static_cast<size_t>(logical_row(static_cast<int64_t>(i), paired_head_dim))];
    std::vector<std::byte> row(row_bytes(scheme, static_cast<int64_t>(values.size())));
    encode_row(scheme, values, row, nullptr);
    decode_row(scheme, row, 0.0f, again);
    sink(row);
    StreamedTensor result;
    result.sqnr.add(values, again);
    return result;
  });
}

void check_is_not_source(const ModelFiles& model, const std::filesystem::path& out) {
  const auto check = [&](const std::filesystem::path& source) {
    std::error_code error;  // where one of them is not there, they are not the same
    SLM_CHECK(!std::filesystem::equivalent(out, source, error),
              "[export] {} is a file the model is read from: "
              "choose another output",
              out.string());
  };
  if (model.gguf()) return check(model.path());
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(model.path(), error)) check(entry.path());
  for (const ModelTensor& tensor : model.tensors())
    if (tensor.stored.file) check(tensor.stored.file->path());
}

}  // namespace slm
