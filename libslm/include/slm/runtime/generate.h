// SPDX-License-Identifier: Apache-2.0
// generate: prompt ids → text, token by token, until a stop.
// In: a session, a tokenizer, prompt ids.  Out: ids and text, streamed.  The network: model/decoder.h.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "slm/text/stream_decoder.h"
#include "slm/text/tokenizer.h"

namespace slm {

enum class StopReason { EndOfText, StopString, Length, ContextFull, Cancelled };
std::string_view name(StopReason reason);

struct GenerateOptions {
  int64_t max_tokens = 128;               ///< −1: until a stop or the end of the context
  std::vector<int32_t> stop_ids;          ///< ids that end the text; they are neither shown nor kept in the cache
  std::vector<std::string> stop_strings;  ///< texts that end it; what comes before them is shown
  SamplerOptions sampler;
  StreamStart start = StreamStart::Continuation;
  std::function<void(std::string_view)> on_text;  ///< text that is certain, as it comes
  std::function<bool()> cancelled;                ///< asked before each token
};

struct Generated {
  std::vector<int32_t> ids;  ///< without the stop id
  std::string text;
  StopReason stop = StopReason::Length;
  int64_t prompt_tokens = 0;
  double prefill_seconds = 0, first_token_seconds = 0, decode_seconds = 0;
  double prefill_tokens_per_second() const;  ///< 0 where nothing was measured
  double decode_tokens_per_second() const;   ///< over the tokens after the first
};

/// Appends `prompt` to the session and generates. The repeat penalty looks back at all ids of the session. Afterwards
/// the session holds prompt and answer without a stop id; the last id of an answer that ended otherwise is not read any
/// more (one forward pass saved), and what a cancelled prompt still had is not either: session.ids() tells.
/// Throws ContextError: prompt beyond the room left in the context; ArgumentError: empty prompt, max_tokens below −1.
Generated generate(Session& session, const Tokenizer& tokenizer, std::span<const int32_t> prompt,
                   const GenerateOptions& options);

}  // namespace slm
