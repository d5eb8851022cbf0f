// SPDX-License-Identifier: Apache-2.0
#include "slm/data/batcher.h"

#include <algorithm>
#include <numeric>

#include "slm/core/check.h"
#include "slm/core/rng.h"

namespace slm {

Batcher::Batcher(std::vector<PackedSequence> sequences, int64_t sequences_per_batch, uint64_t seed)
    : sequences_(std::move(sequences)), per_batch_(sequences_per_batch), seed_(seed) {
  SLM_CHECK(!sequences_.empty(), "[data] no sequences to train on");
  SLM_CHECK(per_batch_ >= 1, "[data] batches of {} sequences, expected at least 1", per_batch_);
  draw_order();
}

/// Each epoch has its own stream of the seed; not a step of Rng's own mix of seeds apart, which neighbours would share.
void Batcher::draw_order() {
  order_.resize(sequences_.size());
  std::iota(order_.begin(), order_.end(), int64_t{0});
  constexpr uint64_t kFirst = 0x9E3779B97F4A7C15ull, kEpoch = 0xD1B54A32D192ED03ull;
  Rng rng(seed_ + kFirst + kEpoch * static_cast<uint64_t>(place_.epoch));
  rng.shuffle(order_);
}

std::vector<PackedRow> Batcher::next() {
  std::vector<PackedRow> rows;
  for (int64_t i = 0; i < per_batch_; ++i) {
    if (place_.sequence == sequences()) {
      place_ = {.epoch = place_.epoch + 1, .sequence = 0};
      draw_order();
    }
    const auto index = static_cast<size_t>(order_[static_cast<size_t>(place_.sequence++)]);
    rows.insert(rows.end(), sequences_[index].begin(), sequences_[index].end());
  }
  return rows;
}

void Batcher::set_place(const BatcherPlace& place) {
  SLM_CHECK(place.epoch >= 0 && place.sequence >= 0 && place.sequence <= sequences(),
            "[data] place {} of epoch {}, an epoch has {} sequences", place.sequence, place.epoch, sequences());
  place_ = place;
  draw_order();
}

int64_t Batcher::longest_batch_rows() const {
  size_t longest = 0;
  for (const PackedSequence& sequence : sequences_) longest = std::max(longest, sequence.size());
  return static_cast<int64_t>(longest) * per_batch_;
}

}  // namespace slm
