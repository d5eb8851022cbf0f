// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/generate.h"

#include <algorithm>
#include <limits>

#include "runtime/stop_filter.h"
#include "slm/core/stopwatch.h"

namespace slm {
namespace {

/// The answer's ids turned into text, which goes to on_text as soon as it is certain.
class Writer {
 public:
  Writer(const Tokenizer& tokenizer, const GenerateOptions& options)
      : options_(options),
        vocab_(tokenizer.vocab_size()),
        decoder_(tokenizer, options.start),
        filter_(options.stop_strings) {}

  /// False where a stop string is complete.
  bool push(int32_t id) {
    // A model may have more rows than its tokenizer has ids (Qwen2.5 pads its vocabulary): such an id has no text.
    if (id < vocab_) show(filter_.push(decoder_.push(id)));
    return !filter_.stopped();
  }
  std::string finish() {
    if (!filter_.stopped()) {
      show(filter_.push(decoder_.finish()));
      show(filter_.finish());
    }
    return std::move(text_);
  }

 private:
  void show(const std::string& text) {
    if (text.empty()) return;
    text_ += text;
    if (options_.on_text) options_.on_text(text);
  }

  const GenerateOptions& options_;
  const int32_t vocab_;
  StreamDecoder decoder_;
  StopFilter filter_;
  std::string text_;
};

bool cancelled(const GenerateOptions& options) { return options.cancelled && options.cancelled(); }

/// The session reads the prompt step by step, so that a long one can be cancelled. Logits of its end; none: cancelled.
std::span<const float> read_prompt(Session& session, std::span<const int32_t> prompt, const GenerateOptions& options) {
  const auto step = static_cast<size_t>(session.max_rows());
  for (; prompt.size() > step; prompt = prompt.subspan(step)) {
    if (cancelled(options)) return {};
    session.forward(prompt.first(step));
  }
  return cancelled(options) ? std::span<const float>() : session.append(prompt);
}

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
  if (std::ssize(prompt) > session.room())
    throw ContextError(fmt::format("[generate] the prompt has {} tokens, the context of {} has room for {}",
                                   prompt.size(), session.context(), session.room()));
  SLM_CHECK(options.max_tokens >= -1, "[generate] max_tokens is {}, expected -1 (until a stop) or more",
            options.max_tokens);
  const int64_t limit = options.max_tokens < 0 ? std::numeric_limits<int64_t>::max() : options.max_tokens;
  const auto is_stop = [&](int32_t id) {
    return std::find(options.stop_ids.begin(), options.stop_ids.end(), id) != options.stop_ids.end();
  };
  Sampler sampler(options.sampler, session.model().config.vocab);
  Writer writer(tokenizer, options);
  Generated result;
  result.prompt_tokens = std::ssize(prompt);
  result.ids.reserve(static_cast<size_t>(std::min(limit, session.room() - std::ssize(prompt) + 1)));

  const Stopwatch since_begin;
  std::span<const float> logits = read_prompt(session, prompt, options);
  if (!logits.empty()) result.prefill_seconds = since_begin.seconds();  // of a whole prompt, or not measured
  Stopwatch since_first;
  const auto decode = [&] {
    if (logits.empty()) return StopReason::Cancelled;
    for (;;) {
      if (std::ssize(result.ids) >= limit) return StopReason::Length;
      if (cancelled(options)) return StopReason::Cancelled;
      if (!result.ids.empty()) {
        if (session.room() == 0) return StopReason::ContextFull;
        logits = session.append(std::span(&result.ids.back(), 1));
      }
      const int32_t id = sampler.sample(logits, session.ids());
      if (result.ids.empty()) {
        result.first_token_seconds = since_begin.seconds();
        since_first = Stopwatch();
      }
      if (is_stop(id)) return StopReason::EndOfText;
      result.ids.push_back(id);
      result.decode_seconds = since_first.seconds();
      if (!writer.push(id)) return StopReason::StopString;
    }
  };
  result.stop = decode();
  result.text = writer.finish();
  return result;
}

}  // namespace slm
