// SPDX-License-Identifier: Apache-2.0
// Pretokenizer: cuts a text into the words BPE merges within: by one or more regular expressions, each cutting the
// pieces of the one before into matches and the gaps between them. In: valid UTF-8.
// Out: pieces that cover it, in order.  Next: byte_bpe.h.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

/// What the name in `tokenizer.ggml.pre` stands for.
struct KnownPretokenizer {
  std::string_view name;
  std::vector<std::string> patterns;
  bool nfc = false;            ///< the texts are normalized first (GGUF has no field for it)
  bool ignore_merges = false;  ///< a word that is a token is that token, whatever the merges say
  bool add_bos = false;        ///< default where the file does not say
};

/// qwen2, smollm, gpt-2, llama-bpe, default: expressions of the official tokenizer.json files;
/// `default` is llama.cpp's.
std::span<const KnownPretokenizer> known_pretokenizers();
/// By name or alias (gpt2, phi-2, llama3 …); nullptr if unknown.
const KnownPretokenizer* find_pretokenizer(std::string_view name);

/// The expression of Hugging Face's ByteLevel pre-tokenizer with use_regex.
extern const char* const kGpt2Pattern;

class Pretokenizer {
 public:
  /// Patterns in Oniguruma's syntax, as tokenizer.json has them; run by PCRE2 with the same meaning. What the two
  /// engines read differently (\w \b \h, anchors, class intersection …) throws ArgumentError, so does a mistake.
  explicit Pretokenizer(std::vector<std::string> patterns);
  Pretokenizer(Pretokenizer&&) noexcept;
  Pretokenizer& operator=(Pretokenizer&&) noexcept;
  ~Pretokenizer();

  const std::vector<std::string>& patterns() const { return patterns_; }
  /// Matches and the gaps between them; an empty match cuts where it stands. Throws ArgumentError as Run::split does.
  void split(std::string_view text, const std::function<void(std::string_view)>& piece) const;

  /// One text, cut stretch by stretch: the memory PCRE2 needs, and the steps that are left.
  class Run {
   public:
    /// `bytes`: of all stretches together. The pretokenizer must outlive this.
    Run(const Pretokenizer& pretokenizer, size_t bytes);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    /// Throws ArgumentError where the expressions, over all stretches, step over more than 256 characters a byte (plus
    /// a million; going back counts, too): hostile ones, whose cost grows faster than the text.
    void split(std::string_view stretch, const std::function<void(std::string_view)>& piece);

   private:
    struct Memory;
    void split_from(size_t step, std::string_view text, const std::function<void(std::string_view)>& piece);
    const Pretokenizer& pretokenizer_;
    size_t bytes_;
    std::unique_ptr<Memory> memory_;
  };

 private:
  class Regex;
  std::vector<std::string> patterns_;
  std::vector<Regex> regexes_;
};

}  // namespace slm
