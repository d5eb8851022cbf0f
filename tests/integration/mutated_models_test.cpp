// SPDX-License-Identifier: Apache-2.0
// Damaged model files, end to end: each is refused with an slm::Error or runs a token; nothing crashes, hangs or asks for absurd memory.
// SLM_MUTATIONS says how many (default 3,000); under the asan preset, SLM_MUTATIONS=100000 is the long run.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "slm/core/rng.h"
#include "slm/io/json.h"
#include "slm/model/load.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "slm/text/tokenizer.h"
#include "tests/support/model_paths.h"

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

/// One to three edits: flipped bits, changed bytes, a size field made absurd, a cut, a repeated or removed stretch. A third of them
/// fall on the first `header` bytes, where structure is.
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
  fs::path source;   ///< file or folder under tiny/
  std::string file;  ///< of a folder, which file is damaged
  size_t header;     ///< bytes of structure
};

class MutatedModels : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  static int64_t count() {
    const char* wanted = std::getenv("SLM_MUTATIONS");
    return (wanted != nullptr ? std::atoll(wanted) : 3000) / 5;  // of each target
  }
  fs::path folder_ = fs::temp_directory_path() / ("slm_mutated_" + std::to_string(getpid()));
};

TEST_P(MutatedModels, AreRefusedOrRun) {
  const Target& target = GetParam();
  const fs::path source = test::tiny_models() / target.source;
  fs::path model = folder_ / "model.gguf";
  fs::path damaged = model;
  if (target.file.empty()) {
    fs::copy_file(source, model);
  } else {
    model = folder_ / "folder";
    fs::copy(source, model);
    damaged = model / target.file;
  }
  const std::string whole = read_file(damaged);
  const bool is_text = target.file == "tokenizer.json";
  int64_t opened = 0, ran = 0;
  for (int64_t i = 0; i < count(); ++i) {
    Rng rng(static_cast<uint64_t>(i) * 1000003 + target.header);
    const bool keep_json = damaged.extension() == ".json" && rng.below(3) != 0;
    std::ofstream(damaged, std::ios::binary | std::ios::trunc)
        << (keep_json ? mutate_text(whole, rng) : mutate(whole, target.header, rng));
    try {
      if (is_text) {
        const Tokenizer tokenizer = Tokenizer::load(model);
        ++opened;
        const std::vector<int32_t> ids =
            tokenizer.encode("The river rose 3.1 m. <|im_end|> Größe", {.control_tokens = true});
        tokenizer.decode(ids, false);
        ++ran;
        continue;
      }
      const ModelFiles files = ModelFiles::open(model);
      ++opened;
      if (files.gguf()) {
        const Tokenizer tokenizer = Tokenizer::load(model);
        tokenizer.decode(tokenizer.encode("Größe – 3.1 m <|im_end|>", {.control_tokens = true}), false);
      }
      static constexpr std::array<std::optional<WeightScheme>, 4> kSchemes = {std::nullopt, WeightScheme::W4G32,
                                                                              WeightScheme::W8C, WeightScheme::F32};
      const auto loaded =
          std::make_shared<Model>(load_model(files, {.plan = {.weights = kSchemes[rng.below(kSchemes.size())]}}));
      Session session(loaded, {.context = std::min<int64_t>(8, loaded->config.context)});
      argmax(session.append(std::array<int32_t, 1>{0}));
      ++ran;
    } catch (const Error&) {
    } catch (const std::exception& error) {
      ADD_FAILURE() << target.name << " mutation " << i << ": " << error.what();
    }
  }
  std::cout << target.name << ": " << count() << " mutated, " << opened << " opened, " << ran << " ran\n";
  EXPECT_GE(opened * 100, count() * 20);
  EXPECT_GE(ran * 100, count() * 5);
}

INSTANTIATE_TEST_SUITE_P(, MutatedModels,
                         testing::Values(Target{"gguf_q4_0", "gguf/qwen2_untied_q4_0.gguf", "", 12000},
                                         Target{"gguf_mixed", "gguf/qwen2_mixed.gguf", "", 12000},
                                         Target{"safetensors", "llama_untied", "model.safetensors", 3000},
                                         Target{"config", "qwen2_tied", "config.json", 700},
                                         Target{"tokenizer", "qwen2_tied", "tokenizer.json", 4500}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace slm
