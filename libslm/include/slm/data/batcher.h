// SPDX-License-Identifier: Apache-2.0
// Batcher: sequences in an order drawn anew for each epoch from the seed, a batch at a time, without end.
// Its place is two numbers, so that a run goes on where it stopped.
// In: sequences.  Out: batches of rows, sequence after sequence.  Next: train/.
#pragma once

#include <cstdint>
#include <vector>

#include "slm/data/packer.h"

namespace slm {

/// Where a Batcher stands.
struct BatcherPlace {
  int64_t epoch = 0;
  int64_t sequence = 0;  ///< of the epoch's order
  bool operator==(const BatcherPlace&) const = default;
};

class Batcher {
 public:
  /// Batches of `sequences_per_batch`; one may reach over the end of an epoch into the next. Throws ArgumentError where
  /// there are no sequences, or a batch of none.
  Batcher(std::vector<PackedSequence> sequences, int64_t sequences_per_batch, uint64_t seed);

  /// Rows of the next batch.
  std::vector<PackedRow> next();
  BatcherPlace place() const { return place_; }
  /// Throws ArgumentError on a place no epoch has.
  void set_place(const BatcherPlace& place);
  int64_t sequences() const { return std::ssize(sequences_); }
  int64_t longest_batch_rows() const;  ///< rows a batch can have

 private:
  void draw_order();
  std::vector<PackedSequence> sequences_;
  int64_t per_batch_;
  uint64_t seed_;
  BatcherPlace place_;
  std::vector<int64_t> order_;
};

}  // namespace slm
