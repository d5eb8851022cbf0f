// SPDX-License-Identifier: Apache-2.0
// Transposing by blocks: every element in its place, whatever is left over of blocks and lines, and none beside it.
#include "kernels/transpose.h"

#include <gtest/gtest.h>

#include <vector>

namespace slm::kernels {
namespace {

TEST(Transpose, PutsEveryElementInItsPlaceAndNoneBeside) {
  constexpr int64_t kGap = 3;  // between rows, of no matrix
  for (const int64_t rows : {1, 3, 4, 6, 16, 21})
    for (const int64_t columns : {1, 2, 4, 7, 16, 19, 32, 37}) {
      const int64_t from_stride = columns + kGap, to_stride = rows + kGap;
      std::vector<float> from(static_cast<size_t>(rows * from_stride)),
          to(static_cast<size_t>(columns * to_stride), -1);
      for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i + 1);
      transpose(from.data(), from_stride, rows, columns, to.data(), to_stride);
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t r = 0; r < to_stride; ++r)
          ASSERT_EQ(to[static_cast<size_t>(c * to_stride + r)],
                    r < rows ? from[static_cast<size_t>(r * from_stride + c)] : -1)
              << "row " << r << ", column " << c << " of (" << rows << "," << columns << ")";
    }
}

}  // namespace
}  // namespace slm::kernels
