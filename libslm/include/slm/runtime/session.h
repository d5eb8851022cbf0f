// SPDX-License-Identifier: Apache-2.0
// Session: a model at work on one text: the tokens seen so far live in its KV cache, more can be added or taken back.
// In: ids.  Out: logits.  Next: sampler.h, generate.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "slm/core/error.h"
#include "slm/model/kv_cache.h"
#include "slm/model/load.h"
#include "slm/model/runtime_executor.h"

namespace slm {

/// More tokens than the context has room for.
class ContextError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

struct SessionOptions {
  int64_t context = 0;  ///< tokens the cache has room for; 0: 2048, or as many as the model allows
  kernels::KvStorage kv = kernels::KvStorage::F16;
  int64_t max_rows = 256;      ///< tokens of one step of a prompt
  int64_t max_logit_rows = 1;  ///< rows of logits at once, for append(ids, f) and logits(begin, end)
};

class Session {
 public:
  /// Reserves all memory: nothing later allocates (but fake activations, in the first step). Throws ArgumentError
  /// (no model, context below 0 or beyond the model's own, no rows).
  Session(std::shared_ptr<const Model> model, const SessionOptions& options = {});
  Session(const Session&) = delete;  // its parts refer to each other: it neither copies nor moves
  Session& operator=(const Session&) = delete;

  const Model& model() const { return *model_; }
  int64_t context() const { return cache_.capacity(); }
  int64_t length() const { return std::ssize(ids_); }    ///< tokens in the cache
  std::span<const int32_t> ids() const { return ids_; }  ///< the tokens themselves; valid until the next change
  int64_t room() const { return context() - length(); }
  uint64_t kv_bytes() const { return cache_.bytes(); }

  /// Appends tokens; the logits (V) of the last one, valid until the next call. Throws ContextError: more than
  /// room(); ArgumentError: no ids, an id outside the vocabulary.
  std::span<const float> append(std::span<const int32_t> ids);
  /// Appends tokens and shows the logits of each: f(position in ids, logits). Calls come in rising order. The head
  /// runs on max_logit_rows rows at a time: more take more memory and read its weights less often. Throws as append.
  void append(std::span<const int32_t> ids, const std::function<void(int64_t, std::span<const float>)>& f);
  /// The two halves of append, for who compares models step by step or wants the logits of some rows only. forward:
  /// appends 1 to max_rows() tokens. logits: rows [begin, end) of the tokens last forwarded, (end − begin, V), at most
  /// max_logit_rows(), valid until the next call. Throws ArgumentError as above and beyond these limits.
  void forward(std::span<const int32_t> ids);
  ConstMatrixView logits(int64_t begin, int64_t end);
  int64_t max_rows() const { return executor_.max_rows(); }
  int64_t max_logit_rows() const { return executor_.max_logit_rows(); }
  /// Forgets all but the first n tokens. Throws ArgumentError where n is beyond length().
  void truncate(int64_t n);

 private:
  void run_blocks(std::span<const int32_t> ids);
  void check_append(std::span<const int32_t> ids) const;

  std::shared_ptr<const Model> model_;
  KvCache cache_;
  RuntimeExecutor executor_;
  std::vector<BatchRow> rows_;
  std::vector<int32_t> wanted_;
  MatrixView x_;              // residual stream of the last step
  std::vector<int32_t> ids_;  // in the cache
};

}  // namespace slm
