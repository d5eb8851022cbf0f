// SPDX-License-Identifier: Apache-2.0
#include "slm/text/pretokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "io/quote_text.h"
#include "slm/core/check.h"
#include "slm/text/utf8.h"
#include "text/oniguruma.h"

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

/// Characters the expressions may step over: many times what those of real models need for the worst texts.
constexpr uint64_t kStepsPerByte = 256, kStepsAtLeast = 1'000'000;

/// What is left of them, counted at the callouts of pcre2_of_oniguruma.
struct Budget {
  uint64_t left = 0;
  size_t position = 0;
};

int count_steps(pcre2_callout_block* block, void* data) {
  auto& budget = *static_cast<Budget*>(data);
  const size_t position = block->current_position;
  const uint64_t steps = 1 + (position > budget.position ? position - budget.position : budget.position - position);
  budget.position = position;
  if (steps > budget.left) return PCRE2_ERROR_CALLOUT;
  budget.left -= steps;
  return 0;
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
    const std::string translated = pcre2_of_oniguruma(pattern);
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

Pretokenizer::Pretokenizer(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
  for (const std::string& pattern : patterns_) regexes_.emplace_back(pattern);
}
Pretokenizer::Pretokenizer(Pretokenizer&&) noexcept = default;
Pretokenizer& Pretokenizer::operator=(Pretokenizer&&) noexcept = default;
Pretokenizer::~Pretokenizer() = default;

void Pretokenizer::split(std::string_view text, const std::function<void(std::string_view)>& piece) const {
  Run(*this, text.size()).split(text, piece);
}

/// PCRE2's memory for one thread: expressions run one after the other, so one of each serves all.
struct Pretokenizer::Run::Memory {
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data{pcre2_match_data_create(1, nullptr)};
  std::unique_ptr<pcre2_match_context, MatchContextDeleter> context{pcre2_match_context_create(nullptr)};
  std::unique_ptr<pcre2_jit_stack, JitStackDeleter> stack{
      pcre2_jit_stack_create(size_t{32} << 10, size_t{16} << 20, nullptr)};
  Budget budget;
};

Pretokenizer::Run::Run(const Pretokenizer& pretokenizer, size_t bytes)
    : pretokenizer_(pretokenizer), bytes_(bytes), memory_(std::make_unique<Memory>()) {
  SLM_CHECK(memory_->data != nullptr && memory_->context != nullptr, "[pretokenizer] out of memory");
  memory_->budget.left = kStepsPerByte * bytes + kStepsAtLeast;
  pcre2_set_match_limit(memory_->context.get(), UINT32_MAX);  // it counts one match, and not the steps of a scan
  pcre2_set_callout(memory_->context.get(), count_steps, &memory_->budget);
  if (memory_->stack != nullptr) pcre2_jit_stack_assign(memory_->context.get(), nullptr, memory_->stack.get());
}
Pretokenizer::Run::~Run() = default;

void Pretokenizer::Run::split(std::string_view text, const std::function<void(std::string_view)>& piece) {
  split_from(0, text, piece);
}

void Pretokenizer::Run::split_from(size_t step, std::string_view text,
                                   const std::function<void(std::string_view)>& piece) {
  if (text.empty()) return;
  if (step == pretokenizer_.regexes_.size()) return piece(text);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  size_t done = 0, from = 0;
  while (from < text.size()) {
    memory_->budget.position = from;
    // NO_UTF_CHECK: the text is valid, and a check from here to its end at each match would make this quadratic.
    const int found = pcre2_match(pretokenizer_.regexes_[step].code(), subject, text.size(), from, PCRE2_NO_UTF_CHECK,
                                  memory_->data.get(), memory_->context.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    SLM_CHECK(found != PCRE2_ERROR_CALLOUT,
              "[pretokenizer] expression {} steps over more characters of a text of {} bytes than {} a byte and {}",
              quote_text(pretokenizer_.patterns_[step]), bytes_, kStepsPerByte, kStepsAtLeast);
    SLM_CHECK(found > 0, "[pretokenizer] expression {} on {} bytes: PCRE2 error {}, expected a match or none",
              quote_text(pretokenizer_.patterns_[step]), text.size(), found);
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(memory_->data.get());
    const size_t begin = bounds[0], end = bounds[1];
    // An empty match cuts as any other does, but not where the last one ended: that place is over.
    if (begin > done) split_from(step + 1, text.substr(done, begin - done), piece);
    if (end > begin) split_from(step + 1, text.substr(begin, end - begin), piece);
    done = from = end;
    if (end == begin && from < text.size()) from += utf8_step(text.substr(from)).length;
  }
  if (done < text.size()) split_from(step + 1, text.substr(done), piece);
}

}  // namespace slm
