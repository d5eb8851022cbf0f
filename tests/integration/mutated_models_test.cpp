// SPDX-License-Identifier: Apache-2.0
// Damaged model files, end to end: each is refused with an slm::Error of one line or runs tokens; nothing crashes,
// hangs or asks for absurd memory. SLM_MUTATIONS says how many safetensors, GGUF and tokenizer.json files in all
// (default 3,000; damaged config.json files come on top); `scripts/test.sh fuzz` is the long run.
// A crash or a hang leaves its damaged file behind, in a folder "slm-mutated-…" of /dev/shm or of the temporary folder.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <iostream>

#include "slm/core/rng.h"
#include "slm/io/json.h"
#include "slm/model/load.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "slm/text/tokenizer.h"
#include "tests/support/model_paths.h"
#include "tests/support/mutation_count.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

/// Text that still parses more often than not: a digit for a digit, a letter for a letter.
std::string mutate_text(std::string text, Rng& rng) {
  for (int tries = 0; tries < 100; ++tries) {
    char& c = text[rng.below(text.size())];
    const char other =
        static_cast<char>(std::isdigit(static_cast<unsigned char>(c)) ? '0' + rng.below(10) : 'a' + rng.below(26));
    if (std::isalnum(static_cast<unsigned char>(c)) && other != c) return c = other, text;
  }
  return text;
}

/// One to three edits: flipped bits, changed bytes, a size field made absurd, a cut, a repeated or removed stretch.
/// A third of them fall on the first `header` bytes, where structure is.
std::string mutate(std::string bytes, size_t header, Rng& rng) {
  const int edits = 1 + static_cast<int>(rng.below(3));
  for (int i = 0; i < edits && !bytes.empty(); ++i) {
    const size_t range = rng.below(3) == 0 ? std::min(header, bytes.size()) : bytes.size();
    const size_t at = rng.below(range);
    switch (rng.below(12)) {
      case 0:
        bytes[at] = static_cast<char>(rng.next());
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        bytes.erase(at, 1 + rng.below(16));
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, 1 + rng.below(32)));
        break;
      case 4: {  // an absurd number where one may stand
        static constexpr std::array<uint64_t, 6> kAbsurd = {
            0, ~uint64_t{0}, uint64_t{1} << 63, uint64_t{1} << 32, 0x7fffffff, 0xffffffff};
        const uint64_t value = kAbsurd[rng.below(kAbsurd.size())];
        for (size_t b = 0; b < 8 && at + b < bytes.size(); ++b) bytes[at + b] = static_cast<char>(value >> (8 * b));
        break;
      }
      case 5:
        bytes[at] = "0123456789\"{}[],:-e."[rng.below(20)];
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
        break;
    }
  }
  return bytes;
}

struct Target {
  std::string name;
  fs::path source;      ///< file or folder under tiny/
  std::string file;     ///< of a folder, which file is damaged
  size_t header;        ///< bytes of structure
  bool counted = true;  ///< among SLM_MUTATIONS
};

const std::array kTargets = {Target{"gguf_q4_0", "gguf/qwen2_untied_q4_0.gguf", "", 12000},
                             Target{"gguf_mixed", "gguf/qwen2_mixed.gguf", "", 12000},
                             Target{"gguf_llama", "gguf/llama_tied_q8_0.gguf", "", 12000},  // q and k are permuted
                             Target{"safetensors", "llama_untied", "model.safetensors", 3000},
                             Target{"tokenizer", "qwen2_tied", "tokenizer.json", 4500},
                             Target{"config", "qwen2_tied", "config.json", 700, /*counted=*/false}};

/// A limit that ends with the test.
class ResourceLimit {
 public:
  ResourceLimit(int resource, rlim_t value) : resource_(resource) {
    getrlimit(resource_, &before_);
    const rlimit limit = {std::min(value, before_.rlim_max), before_.rlim_max};
    setrlimit(resource_, &limit);
  }
  ~ResourceLimit() { setrlimit(resource_, &before_); }
  ResourceLimit(const ResourceLimit&) = delete;
  ResourceLimit& operator=(const ResourceLimit&) = delete;

 private:
  int resource_;
  rlimit before_;
};

class MutatedModels : public testing::TestWithParam<Target> {
 protected:
  static constexpr unsigned kSecondsEach = 60;  // one that takes as long hangs: SIGALRM ends the program

  /// Of each target, so that together they are as many as wanted, or a few more.
  static int64_t count() {
    const int64_t counted = std::ranges::count(kTargets, true, &Target::counted);
    return (test::mutations_wanted(3000) + counted - 1) / counted;
  }

  /// Damaged bytes that are not the original ones.
  static std::string damage(const std::string& whole, bool keep_json, size_t header, Rng& rng) {
    for (;;) {
      std::string bytes = keep_json ? mutate_text(whole, rng) : mutate(whole, header, rng);
      if (bytes != whole) return bytes;
    }
  }
};

/// What a text becomes, there and back.
std::vector<int32_t> run_tokenizer(const Tokenizer& tokenizer) {
  const std::vector<int32_t> ids = tokenizer.encode("The river rose 3.1 m. <|im_end|> Größe", {.control_tokens = true});
  tokenizer.decode(ids, false);
  return ids;
}

/// Loads it, with a scheme drawn, and runs the first of the ids, up to eight.
void run_model(const ModelFiles& files, std::span<const int32_t> ids, Rng& rng) {
  static constexpr std::array<std::optional<WeightScheme>, 4> kSchemes = {std::nullopt, WeightScheme::W4G32,
                                                                          WeightScheme::W8C, WeightScheme::F32};
  const auto model =
      std::make_shared<Model>(load_model(files, {.plan = {.weights = kSchemes[rng.below(kSchemes.size())]}}));
  Session session(model, {.context = std::min<int64_t>(8, model->config.context)});
  argmax(session.append(ids.first(std::min(ids.size(), static_cast<size_t>(session.context())))));
}

TEST_P(MutatedModels, AreRefusedOrRun) {
  const Target& target = GetParam();
  const fs::path source = test::tiny_models() / target.source;
  const TemporaryFolder folder("mutated", memory_backed_folder());
  const fs::path model = folder.path() / (target.file.empty() ? "model.gguf" : "folder");
  const fs::path file = target.file.empty() ? model : model / target.file;
  fs::copy(source, model);
  const std::string whole = read_file(file);
#if !defined(__SANITIZE_ADDRESS__)  // whose shadow memory is itself absurd; scripts/test.sh fuzz limits one allocation
  const ResourceLimit memory(RLIMIT_AS, rlim_t{4} << 30);
#endif
  int64_t opened = 0, ran = 0;
  double slowest = 0;
  const int64_t wanted = count();
  ASSERT_GT(wanted, 0);
  for (int64_t i = 0; i < wanted; ++i) {
    Rng rng(static_cast<uint64_t>(i) * 1000003 + target.header);
    const bool keep_json = file.extension() == ".json" && rng.below(3) != 0;
    folder.file(fs::relative(file, folder.path()).string(), damage(whole, keep_json, target.header, rng));
    const std::clock_t begin = std::clock();
    alarm(kSecondsEach);
    try {
      std::vector<int32_t> ids = {0};
      if (target.file == "tokenizer.json") ids = run_tokenizer(Tokenizer::load(model));
      const ModelFiles files = ModelFiles::open(model);
      ++opened;
      if (files.gguf()) ids = run_tokenizer(Tokenizer::load(model));
      run_model(files, ids, rng);
      ++ran;
    } catch (const Error& error) {
      const std::string_view message = error.what();
      EXPECT_TRUE(message.starts_with("[") || message.starts_with(model.string()))
          << target.name << " mutation " << i << " names neither operation nor file: " << message;
      EXPECT_EQ(message.find('\n'), std::string_view::npos)
          << target.name << " mutation " << i << " takes more than one line: " << message;
    } catch (const std::exception& error) {
      ADD_FAILURE() << target.name << " mutation " << i << " is no slm::Error: " << error.what();
    }
    alarm(0);
    slowest = std::max(slowest, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  std::cout << target.name << (target.counted ? ": " : " (not counted): ") << wanted << " mutated, " << opened
            << " opened, " << ran << " ran; slowest " << slowest << " s\n";
  if (wanted < 100) return;  // too few for a share
  EXPECT_GE(opened * 100, wanted * 20);
  EXPECT_GE(ran * 100, wanted * 5);
}

INSTANTIATE_TEST_SUITE_P(, MutatedModels, testing::ValuesIn(kTargets),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace slm
