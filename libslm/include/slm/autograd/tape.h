// SPDX-License-Identifier: Apache-2.0
// Tape: reverse-mode differentiation. Operations write down, as they run, how their gradient is made; backward() plays
// that back, newest first (Griewank & Walther 2008, §3.2). What an operation keeps for its gradient lives as long as
// its entry: memory falls as backward() goes, and is kept for the next step rather than given back.
//   Variable y = autograd::rms_norm(context, x, w, eps);  …  dL/dy → y.grad();  tape.backward();
// In: the operations of autograd/.  Out: gradients in variables and parameters.  Next: model/tape_executor.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "slm/core/aligned_buffer.h"
#include "slm/core/matrix_view.h"

namespace slm {

/// Buffers, used again and again for what is nearly as large: at most an eighth of one is idle.
class BufferPool {
 public:
  AlignedBuffer take(size_t bytes);  ///< of at least so many bytes
  void give(AlignedBuffer buffer);
  size_t bytes() const { return bytes_; }  ///< of all buffers ever made: what the pool holds at its fullest

 private:
  std::map<size_t, std::vector<AlignedBuffer>> free_;
  size_t bytes_ = 0;
};

/// Rows of float that a gradient may be asked of. A copy is the same variable.
class Variable {
 public:
  Variable() = default;
  MatrixView value() const { return node_->value; }
  /// Zeros at the first call.
  MatrixView grad() const;
  bool has_grad() const { return node_->grad.data != nullptr; }
  int64_t rows() const { return node_->value.rows; }
  int64_t columns() const { return node_->value.columns; }

 private:
  friend class Tape;
  struct Node {
    explicit Node(std::shared_ptr<BufferPool> from) : pool(std::move(from)) {}
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    std::shared_ptr<BufferPool> pool;
    AlignedBuffer value_buffer, grad_buffer;
    MatrixView value, grad;
  };
  std::shared_ptr<Node> node_;
};

class Tape {
 public:
  /// A variable whose value is not yet written.
  Variable variable(int64_t rows, int64_t columns);
  /// `gradient` reads the gradients of what the operation made and adds to those of what it took, and to parameters'.
  void record(std::function<void()> gradient) { entries_.push_back(std::move(gradient)); }
  /// Plays all entries back and forgets them; the gradients of what they lead to were filled before. Where one throws,
  /// all are forgotten.
  void backward();
  /// Forgets all entries, as if nothing had run.
  void clear() { entries_.clear(); }
  size_t bytes() const { return pool_->bytes(); }

 private:
  std::shared_ptr<BufferPool> pool_ = std::make_shared<BufferPool>();
  std::vector<std::function<void()>> entries_;
};

}  // namespace slm
