// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/embedding.h"

#include "slm/core/check.h"

namespace slm {

void embedding_into(const PackedMatrix& table, std::span<const int32_t> ids, std::span<std::byte> scratch,
                    MatrixView y) {
  SLM_CHECK(y.rows == std::ssize(ids) && y.columns == table.k(), "[embedding] y is ({},{}), expected ({},{})", y.rows,
            y.columns, ids.size(), table.k());
  for (size_t t = 0; t < ids.size(); ++t) {
    SLM_CHECK(ids[t] >= 0 && ids[t] < table.n(), "[embedding] id {} at row {}, the table has {} rows", ids[t], t,
              table.n());
    table.decode_row(ids[t], scratch, {y.row(static_cast<int64_t>(t)), static_cast<size_t>(y.columns)});
  }
}

}  // namespace slm
