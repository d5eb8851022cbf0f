// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/session.h"

#include <algorithm>

#include "slm/core/parallel.h"

namespace slm {
namespace {

constexpr int64_t kDefaultContext = 2048;

std::shared_ptr<const Model> checked(std::shared_ptr<const Model> model) {
  SLM_CHECK(model != nullptr, "[session] no model");
  return model;
}

int64_t context_of(const Model& model, int64_t asked) {
  const int64_t most = model.config.context;
  SLM_CHECK(asked >= 0 && asked <= most, "[session] context of {} tokens, the model has 1 to {}", asked, most);
  return asked > 0 ? asked : std::min(kDefaultContext, most);
}

}  // namespace

Session::Session(std::shared_ptr<const Model> model, const SessionOptions& options)
    : model_(checked(std::move(model))),
      cache_(model_->config, {.capacity = context_of(*model_, options.context), .storage = options.kv}),
      executor_(model_->config, cache_,
                {.max_rows = std::min(options.max_rows, context()),
                 .max_logit_rows = std::min({options.max_logit_rows, options.max_rows, context()}),
                 .fake_activations = model_->fake_activations}) {
  rows_.reserve(static_cast<size_t>(executor_.max_rows()));
  wanted_.reserve(static_cast<size_t>(executor_.max_logit_rows()));
  ids_.reserve(static_cast<size_t>(context()));
}

void Session::check_append(std::span<const int32_t> ids) const {
  SLM_CHECK(!ids.empty(), "[session] no tokens to append");
  if (std::ssize(ids) > room())
    throw ContextError(
        fmt::format("[session] {} tokens to append, the context of {} has room for {}", ids.size(), context(), room()));
  for (const int32_t id : ids)
    SLM_CHECK(id >= 0 && id < model_->config.vocab, "[session] id {}, the vocabulary has {}", id, model_->config.vocab);
}

void Session::run_blocks(std::span<const int32_t> ids) {
  rows_.clear();
  for (const int32_t id : ids)
    rows_.push_back({.token = id, .sequence = 0, .position = static_cast<int32_t>(length() + std::ssize(rows_))});
  executor_.begin(rows_);
  parallel_region([&] { x_ = hidden(executor_, model_->weights); });
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

void Session::forward(std::span<const int32_t> ids) {
  check_append(ids);
  SLM_CHECK(std::ssize(ids) <= max_rows(), "[session] {} tokens in one step, room was made for {}", ids.size(),
            max_rows());
  run_blocks(ids);
}

ConstMatrixView Session::logits(int64_t begin, int64_t end) {
  SLM_CHECK(0 <= begin && begin < end && end <= x_.rows && end - begin <= max_logit_rows(),
            "[session] logits of rows {} to {}, the last step has {} and room was made for {} at once", begin, end,
            x_.rows, max_logit_rows());
  wanted_.clear();
  for (int64_t r = begin; r < end; ++r) wanted_.push_back(static_cast<int32_t>(r));
  return head(executor_, model_->weights, x_, wanted_);
}

std::span<const float> Session::append(std::span<const int32_t> ids) {
  check_append(ids);
  ConstMatrixView last;
  parallel_region([&] {
    while (!ids.empty()) {
      const size_t count = std::min(ids.size(), static_cast<size_t>(max_rows()));
      run_blocks(ids.first(count));
      ids = ids.subspan(count);
    }
    last = logits(x_.rows - 1, x_.rows);
  });
  return {last.data, static_cast<size_t>(last.columns)};
}

void Session::append(std::span<const int32_t> ids, const std::function<void(int64_t, std::span<const float>)>& f) {
  check_append(ids);
  for (int64_t done = 0; done < std::ssize(ids);) {
    const int64_t count = std::min(std::ssize(ids) - done, max_rows());
    run_blocks(ids.subspan(static_cast<size_t>(done), static_cast<size_t>(count)));
    for (int64_t begin = 0; begin < count; begin += max_logit_rows()) {
      const int64_t end = std::min(begin + max_logit_rows(), count);
      const ConstMatrixView rows = logits(begin, end);
      for (int64_t r = begin; r < end; ++r) f(done + r, {rows.row(r - begin), static_cast<size_t>(rows.columns)});
    }
    done += count;
  }
}

void Session::truncate(int64_t n) {
  SLM_CHECK(n >= 0 && n <= length(), "[session] truncate to {}, there are {} tokens", n, length());
  ids_.resize(static_cast<size_t>(n));
}

}  // namespace slm
