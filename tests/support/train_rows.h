// SPDX-License-Identifier: Apache-2.0
// Tokens of one document as the rows of a training step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "slm/model/tape_executor.h"

namespace slm::test {

inline std::vector<TrainRow> rows_of(std::span<const int32_t> ids) {
  std::vector<TrainRow> rows;
  for (const int32_t id : ids) rows.push_back({.token = id, .position = static_cast<int32_t>(rows.size())});
  return rows;
}

}  // namespace slm::test
