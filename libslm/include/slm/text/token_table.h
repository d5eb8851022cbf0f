// SPDX-License-Identifier: Apache-2.0
// TokenTable: the strings of a vocabulary by id, and ids by string. One arena and one table of ids:
// 151,000 tokens of Qwen2.5 take 3.6 MB.
// In: (id, bytes).  Out: look-ups both ways.  Next: byte_bpe.h, tokenizer.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

class TokenTable {
 public:
  static constexpr int32_t kNone = -1;
  static constexpr int32_t kMaxTokens = 1 << 22;  ///< a larger id in a file is taken for a mistake

  /// `literal`: the bytes are the token's spelling itself; else the spelling is their byte-level form. Both kinds have
  /// name spaces of their own. False if the id has a token already. Precondition: 0 ≤ id < kMaxTokens.
  bool set(int32_t id, std::string_view bytes, bool literal);
  void reserve(size_t tokens, size_t bytes);
  /// To be called when all tokens are set, before find. Of equal tokens the one with the largest id is found.
  void build_index();

  int32_t size() const { return static_cast<int32_t>(spans_.size()); }  ///< largest id + 1
  bool has(int32_t id) const;                                           ///< false for ids that no token was given to
  std::string_view bytes(int32_t id) const;
  bool literal(int32_t id) const { return spans_[static_cast<size_t>(id)].literal; }
  int32_t find(std::string_view bytes, bool literal = false) const;  ///< kNone if absent

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t size : 30 = 0;
    uint32_t literal : 1 = 0;
    uint32_t set : 1 = 0;
  };
  std::string arena_;
  std::vector<Span> spans_;
  std::vector<int32_t> slots_;  ///< open addressing, linear probing, a power of two; kNone: free
};

}  // namespace slm
