// SPDX-License-Identifier: Apache-2.0
#include "slm/autograd/tape.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "slm/core/division.h"

namespace slm {
namespace {

/// Sizes a buffer comes in: eight between a power of two and the next, so that batches of nearly equal size share
/// theirs.
size_t size_class(size_t bytes) {
  const size_t step = std::max<size_t>(64, std::bit_floor(bytes) / 8);
  return round_up(bytes, step);
}

}  // namespace

AlignedBuffer BufferPool::take(size_t bytes) {
  bytes = size_class(bytes);
  std::vector<AlignedBuffer>& fitting = free_[bytes];
  if (fitting.empty()) {
    bytes_ += bytes;
    return AlignedBuffer(bytes);
  }
  AlignedBuffer buffer = std::move(fitting.back());
  fitting.pop_back();
  return buffer;
}

void BufferPool::give(AlignedBuffer buffer) {
  if (buffer.data() == nullptr) return;
  std::vector<AlignedBuffer>& fitting = free_[buffer.size()];
  fitting.push_back(std::move(buffer));
}

Variable::Node::~Node() {
  pool->give(std::move(value_buffer));
  pool->give(std::move(grad_buffer));
}

MatrixView Variable::grad() const {
  Node& node = *node_;
  if (node.grad.data == nullptr) {
    node.grad_buffer = node.pool->take(node.value_buffer.size());
    node.grad = {node.grad_buffer.as<float>(), node.value.rows, node.value.columns, node.value.columns};
    std::memset(node.grad.data, 0, static_cast<size_t>(node.value.rows * node.value.columns) * sizeof(float));
  }
  return node.grad;
}

Variable Tape::variable(int64_t rows, int64_t columns) {
  Variable v;
  v.node_ = std::make_shared<Variable::Node>(pool_);
  v.node_->value_buffer = pool_->take(static_cast<size_t>(rows * columns) * sizeof(float));
  v.node_->value = {v.node_->value_buffer.as<float>(), rows, columns, columns};
  return v;
}

void Tape::backward() {
  try {
    while (!entries_.empty()) {
      const std::function<void()> gradient = std::move(entries_.back());
      entries_.pop_back();
      gradient();
    }
  } catch (...) {
    clear();
    throw;
  }
}

}  // namespace slm
