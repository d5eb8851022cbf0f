// SPDX-License-Identifier: Apache-2.0
// StreamDecoder: ids one by one to text that is whole characters at every step. A character split over tokens waits.
// In: ids in order.  Out: valid UTF-8; the pieces joined equal Tokenizer::decode of all ids.  Next: a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "slm/text/tokenizer.h"

namespace slm {

/// TextStart drops the space SentencePiece puts before a text's first word; Continuation (of a prompt) keeps it.
enum class StreamStart { TextStart, Continuation };

class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, StreamStart start = StreamStart::TextStart, bool skip_special = true);

  /// Text that is certain after this token; may be empty; valid until the next call. Bytes that cannot become a
  /// character give U+FFFD at once. Allocates nothing, but for a token that is longer than all before it and kReserved.
  std::string_view push(int32_t id);
  /// What was held back: U+FFFD for an unfinished character. The decoder is then as new, at the same StreamStart.
  std::string finish();

 private:
  static constexpr size_t kReserved = 512;
  Tokenizer tokenizer_;
  StreamStart start_;
  bool skip_special_;
  bool at_start_ = true;
  std::string pending_;  ///< bytes of a character that is not whole yet
  std::string text_;     ///< what push gives
};

}  // namespace slm
