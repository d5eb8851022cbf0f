// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/embedding.h"

#include "slm/core/check.h"
#include "slm/core/parallel.h"

namespace slm {
namespace {

void check_ids(std::span<const int32_t> ids, int64_t rows) {
  for (size_t t = 0; t < ids.size(); ++t)
    SLM_CHECK(ids[t] >= 0 && ids[t] < rows, "[embedding] id {} at row {}, the table has {} rows", ids[t], t, rows);
}

}  // namespace

void embedding_into(const PackedMatrix& table, std::span<const int32_t> ids, std::span<std::byte> scratch,
                    MatrixView y) {
  SLM_CHECK(y.rows == std::ssize(ids) && y.columns == table.k(), "[embedding] y is ({},{}), expected ({},{})", y.rows,
            y.columns, ids.size(), table.k());
  check_ids(ids, table.n());
  for (size_t t = 0; t < ids.size(); ++t)
    table.decode_row(ids[t], scratch, {y.row(static_cast<int64_t>(t)), static_cast<size_t>(y.columns)});
}

void embedding_into(const WeightView& table, std::span<const int32_t> ids, MatrixView y) {
  SLM_CHECK(y.rows == std::ssize(ids) && y.columns == table.k(), "[embedding] y is ({},{}), expected ({},{})", y.rows,
            y.columns, ids.size(), table.k());
  check_ids(ids, table.n());
  for (size_t t = 0; t < ids.size(); ++t)
    table.read(ids[t], ids[t] + 1, 0, table.k(), {y.row(static_cast<int64_t>(t)), static_cast<size_t>(y.columns)});
}

void embedding_grad(std::span<const int32_t> ids, ConstMatrixView dy, MatrixView dtable) {
  SLM_CHECK(dy.rows == std::ssize(ids) && dy.columns == dtable.columns,
            "[embedding_grad] dy is ({},{}), expected ({},{})", dy.rows, dy.columns, ids.size(), dtable.columns);
  check_ids(ids, dtable.rows);
  parallel_for(dy.columns, 256, [&](int64_t begin, int64_t end, int) {
    for (size_t t = 0; t < ids.size(); ++t) {
      const float* from = dy.row(static_cast<int64_t>(t));
      float* to = dtable.row(ids[t]);
      for (int64_t c = begin; c < end; ++c) to[c] += from[c];
    }
  });
}

}  // namespace slm
