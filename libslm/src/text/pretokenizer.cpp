// SPDX-License-Identifier: Apache-2.0
#include "slm/text/pretokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "slm/core/check.h"
#include "slm/text/utf8.h"

namespace slm {

const char* const kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

const char* const kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct JitStackDeleter {
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

/// Oniguruma's syntax as PCRE2's. \s is White_Space there; PCRE2's \s would add U+180E.
/// The rest of what differs is refused.
std::string translate(const std::string& pattern) {
  std::string result;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      SLM_CHECK(i + 1 < pattern.size(), "[pretokenizer] expression ends in a backslash: {}", pattern);
      const char escaped = pattern[++i];
      if (escaped == 's') {
        result += "\\p{White_Space}";
      } else if (escaped == 'S') {
        result += "\\P{White_Space}";
      } else {
        const bool letter = (escaped >= 'a' && escaped <= 'z') || (escaped >= 'A' && escaped <= 'Z') ||
                            (escaped >= '0' && escaped <= '9');
        SLM_CHECK(!letter || std::string_view("pPdDrntvfxe").find(escaped) != std::string_view::npos,
                  "[pretokenizer] \\{} is not supported in an expression: {}", escaped, pattern);
        result += c;
        result += escaped;
      }
      continue;
    }
    if (c == '[') {
      SLM_CHECK(!in_class, "[pretokenizer] nested character class is not supported: {}", pattern);
      in_class = true;
    }
    if (c == ']') in_class = false;
    SLM_CHECK(!(in_class && c == '&' && i + 1 < pattern.size() && pattern[i + 1] == '&'),
              "[pretokenizer] class intersection && is not supported: {}", pattern);
    SLM_CHECK(in_class || (c != '^' && c != '$'), "[pretokenizer] anchor {} is not supported: {}", c, pattern);
    SLM_CHECK(!(c == '(' && i + 1 < pattern.size() && pattern[i + 1] == '*'), "[pretokenizer] (* is not supported: {}",
              pattern);
    result += c;
  }
  return result;
}

}  // namespace

std::span<const KnownPretokenizer> known_pretokenizers() {
  static const std::array<KnownPretokenizer, 5> table = {{
      {.name = "qwen2", .patterns = {kQwen2Pattern}, .nfc = true},
      {.name = "smollm", .patterns = {R"(\p{N})", kGpt2Pattern}},
      {.name = "gpt-2", .patterns = {kGpt2Pattern}},
      {.name = "llama-bpe", .patterns = {kLlama3Pattern}, .ignore_merges = true, .add_bos = true},
      {.name = "default", .patterns = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Pattern, R"(\p{N}+)", R"([0-9][0-9][0-9])"}},
  }};
  return table;
}

const KnownPretokenizer* find_pretokenizer(std::string_view name) {
  constexpr std::array<std::array<std::string_view, 2>, 7> kAliases = {{{"gpt2", "gpt-2"},
                                                                        {"phi-2", "gpt-2"},
                                                                        {"llama3", "llama-bpe"},
                                                                        {"llama-v3", "llama-bpe"},
                                                                        {"deepseek-r1-qwen", "qwen2"},
                                                                        {"smollm2", "smollm"},
                                                                        {"", "default"}}};
  for (const auto& alias : kAliases) {
    if (name == alias[0]) name = alias[1];
  }
  for (const KnownPretokenizer& known : known_pretokenizers()) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

class Pretokenizer::Regex {
 public:
  explicit Regex(const std::string& pattern) {
    const std::string translated = translate(pattern);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
    if (code_ == nullptr) {
      std::array<PCRE2_UCHAR, 256> message{};
      pcre2_get_error_message(error, message.data(), message.size());
      SLM_CHECK(false, "[pretokenizer] expression {}: {}", pattern, reinterpret_cast<const char*>(message.data()));
    }
    // Where the system allows no executable memory this fails, and the interpreter runs the same expression.
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
  }
  const pcre2_code* code() const { return code_.get(); }

 private:
  std::unique_ptr<pcre2_code, CodeDeleter> code_;
};

/// What one thread needs to run one expression.
struct Pretokenizer::Scratch {
  Scratch(const pcre2_code* code, size_t text_size)
      : data(pcre2_match_data_create_from_pattern(code, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(size_t{32} << 10, size_t{16} << 20, nullptr)) {
    SLM_CHECK(data != nullptr && context != nullptr, "[pretokenizer] out of memory");
    const size_t steps = 64 * text_size + 10'000'000;
    pcre2_set_match_limit(context.get(), static_cast<uint32_t>(std::min<size_t>(steps, UINT32_MAX)));
    if (stack != nullptr) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data;
  std::unique_ptr<pcre2_match_context, MatchContextDeleter> context;
  std::unique_ptr<pcre2_jit_stack, JitStackDeleter> stack;
};

Pretokenizer::Pretokenizer(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
  for (const std::string& pattern : patterns_) regexes_.emplace_back(pattern);
}
Pretokenizer::Pretokenizer(Pretokenizer&&) noexcept = default;
Pretokenizer& Pretokenizer::operator=(Pretokenizer&&) noexcept = default;
Pretokenizer::~Pretokenizer() = default;

void Pretokenizer::split(std::string_view text, const std::function<void(std::string_view)>& piece) const {
  std::vector<Scratch> scratch;
  scratch.reserve(regexes_.size());
  for (const Regex& regex : regexes_) scratch.emplace_back(regex.code(), text.size());
  split_from(0, text, piece, scratch);
}

void Pretokenizer::split_from(size_t step, std::string_view text, const std::function<void(std::string_view)>& piece,
                              std::vector<Scratch>& scratch) const {
  if (text.empty()) return;
  if (step == regexes_.size()) return piece(text);
  const Scratch& run = scratch[step];
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  size_t done = 0, from = 0;
  while (from < text.size()) {
    // NO_UTF_CHECK: the text is valid, and a check from here to its end at each match would make this quadratic.
    const int found = pcre2_match(regexes_[step].code(), subject, text.size(), from, PCRE2_NO_UTF_CHECK, run.data.get(),
                                  run.context.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    SLM_CHECK(found > 0, "[pretokenizer] expression {} on {} bytes: PCRE2 error {}, expected a match within {} steps",
              patterns_[step], text.size(), found, 64 * text.size() + 10'000'000);
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(run.data.get());
    const size_t begin = bounds[0], end = bounds[1];
    if (end <= begin) {  // an empty match cuts nothing: look on from the next character
      from = std::max(from, begin);
      if (from < text.size()) from += utf8_step(text.substr(from)).length;
      continue;
    }
    if (begin > done) split_from(step + 1, text.substr(done, begin - done), piece, scratch);
    split_from(step + 1, text.substr(begin, end - begin), piece, scratch);
    done = from = end;
  }
  if (done < text.size()) split_from(step + 1, text.substr(done), piece, scratch);
}

}  // namespace slm
