// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/generate.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace slm {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Passes text on, holding back what may be the beginning of a stop string.
class StopFilter {
 public:
  explicit StopFilter(const std::vector<std::string>& stops) : stops_(stops) {}

  /// Text that may be shown after `more`; sets stopped() once a stop string is complete.
  std::string push(std::string_view more) {
    held_ += more;
    size_t cut = std::string::npos;
    for (const std::string& stop : stops_) cut = std::min(cut, stop.empty() ? std::string::npos : held_.find(stop));
    if (cut != std::string::npos) {
      stopped_ = true;
      return std::exchange(held_, {}).substr(0, cut);
    }
    size_t keep = 0;  // longest end of held_ that begins a stop string
    for (const std::string& stop : stops_)
      for (size_t n = std::min(stop.size(), held_.size()); n > keep; --n)
        if (std::string_view(held_).substr(held_.size() - n) == std::string_view(stop).substr(0, n)) keep = n;
    std::string shown = held_.substr(0, held_.size() - keep);
    held_.erase(0, shown.size());
    return shown;
  }
  std::string finish() { return std::exchange(held_, {}); }
  bool stopped() const { return stopped_; }

 private:
  const std::vector<std::string>& stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace

std::string_view name(StopReason reason) {
  switch (reason) {
    case StopReason::EndOfText:
      return "end_of_text";
    case StopReason::StopString:
      return "stop_string";
    case StopReason::Length:
      return "length";
    case StopReason::ContextFull:
      return "context_full";
    case StopReason::Cancelled:
      return "cancelled";
  }
  return "?";
}

double Generated::prefill_tokens_per_second() const {
  return prefill_seconds > 0 ? static_cast<double>(prompt_tokens) / prefill_seconds : 0;
}

double Generated::decode_tokens_per_second() const {
  return decode_seconds > 0 && ids.size() > 1 ? static_cast<double>(ids.size() - 1) / decode_seconds : 0;
}

Generated generate(Session& session, const Tokenizer& tokenizer, std::span<const int32_t> prompt,
                   const GenerateOptions& options) {
  SLM_CHECK(!prompt.empty(), "[generate] the prompt is empty, expected at least one token");
  SLM_CHECK(std::ssize(prompt) <= session.room(),
            "[generate] the prompt has {} tokens, the context of {} has room for {}", prompt.size(), session.context(),
            session.room());
  const int64_t limit = options.max_tokens < 0 ? std::numeric_limits<int64_t>::max() : options.max_tokens;
  Sampler sampler(options.sampler, session.model().config.vocab);
  StreamDecoder decoder(tokenizer, options.start);
  StopFilter filter(options.stop_strings);

  Generated result;
  result.prompt_tokens = std::ssize(prompt);
  result.ids.reserve(static_cast<size_t>(std::min(limit, session.room() - std::ssize(prompt) + 1)));
  const auto show = [&](const std::string& text) {
    if (text.empty()) return;
    result.text += text;
    if (options.on_text) options.on_text(text);
  };

  const auto begin = std::chrono::steady_clock::now();
  std::span<const float> logits;
  for (std::span<const int32_t> rest = prompt; !rest.empty();) {  // step by step: a long prompt can be cancelled
    if (options.cancelled && options.cancelled()) {
      result.stop = StopReason::Cancelled;
      return result;
    }
    const size_t count = std::min(rest.size(), static_cast<size_t>(session.max_rows()));
    if (count < rest.size())
      session.forward(rest.first(count));
    else
      logits = session.append(rest);
    rest = rest.subspan(count);
  }
  result.prefill_seconds = seconds_since(begin);
  auto first = begin;
  for (;;) {
    if (std::ssize(result.ids) >= limit) {
      result.stop = StopReason::Length;
      break;
    }
    if (options.cancelled && options.cancelled()) {
      result.stop = StopReason::Cancelled;
      break;
    }
    if (!result.ids.empty()) {
      if (session.room() == 0) {
        result.stop = StopReason::ContextFull;
        break;
      }
      logits = session.append(std::span(&result.ids.back(), 1));
    }
    const int32_t id = sampler.sample(logits, session.ids());
    if (result.ids.empty()) {
      result.first_token_seconds = seconds_since(begin);
      first = std::chrono::steady_clock::now();
    }
    if (std::find(options.stop_ids.begin(), options.stop_ids.end(), id) != options.stop_ids.end()) {
      result.stop = StopReason::EndOfText;
      break;
    }
    result.ids.push_back(id);
    result.decode_seconds = seconds_since(first);
    // A model may have more rows than its tokenizer has ids (Qwen2.5 pads its vocabulary): such an id has no text.
    if (id < tokenizer.vocab_size()) show(filter.push(decoder.push(id)));
    if (filter.stopped()) {
      result.stop = StopReason::StopString;
      break;
    }
  }
  if (!filter.stopped()) {
    show(filter.push(decoder.finish()));
    show(filter.finish());
  }
  return result;
}

}  // namespace slm
