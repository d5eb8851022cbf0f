// SPDX-License-Identifier: Apache-2.0
// Mutations of small files: whatever the bytes, a reader loads them or throws slm::Error, and what it loads lies in the
// file. Meant to be run under the sanitizers too. SLM_MUTATIONS sets how many for each format.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "slm/core/error.h"
#include "slm/core/rng.h"
#include "slm/io/gguf.h"
#include "slm/io/safetensors.h"
#include "tests/io/golden_files.h"
#include "tests/support/mutation_count.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

int64_t mutations() { return test::mutations_wanted(15000); }

/// Bytes that a size, an offset or a count may be turned into.
uint64_t interesting(Rng& rng, size_t file_bytes) {
  const uint64_t values[] = {0,
                             1,
                             2,
                             31,
                             32,
                             33,
                             255,
                             256,
                             65535,
                             65536,
                             file_bytes - 1,
                             file_bytes,
                             file_bytes + 1,
                             INT32_MAX,
                             UINT32_MAX,
                             uint64_t{1} << 32,
                             uint64_t{1} << 61,
                             INT64_MAX,
                             uint64_t{1} << 63,
                             UINT64_MAX - 31,
                             UINT64_MAX,
                             rng.next(),
                             rng.below(64),
                             rng.below(file_bytes)};
  return values[rng.below(std::size(values))];
}

/// One mutation, most of them in the first `header` bytes, where the structure is.
void mutate(std::string& bytes, size_t header, Rng& rng) {
  const size_t reach = rng.below(8) == 0 ? bytes.size() : std::min(header, bytes.size());
  const size_t at = rng.below(reach);
  switch (rng.below(8)) {
    case 0:
    case 1:  // a flipped bit
      bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1u << rng.below(8)));
      break;
    case 2:  // a new byte
      bytes[at] = static_cast<char>(rng.next());
      break;
    case 3:
    case 4: {  // a size field
      const uint64_t value = interesting(rng, bytes.size());
      std::memcpy(bytes.data() + at, &value, std::min<size_t>(rng.below(2) ? 8 : 4, bytes.size() - at));
      break;
    }
    case 5:  // truncation
      bytes.resize(at);
      break;
    case 6: {  // a piece from elsewhere, over what is there or moved in between
      const size_t from = rng.below(bytes.size());
      const std::string piece = bytes.substr(from, rng.below(64));
      bytes.replace(at, rng.below(2) ? piece.size() : 0, piece);
      break;
    }
    default:  // a piece taken out
      bytes.erase(at, rng.below(64));
      break;
  }
}

/// JSON is text: bit flips mostly break its syntax, digits changed for digits do not.
void mutate_digits(std::string& bytes, size_t header, Rng& rng) {
  for (int tries = 0; tries < 1000; ++tries) {
    const size_t at = rng.below(std::min(header, bytes.size()));
    if (bytes[at] < '0' || bytes[at] > '9') continue;
    bytes[at] = static_cast<char>('0' + rng.below(10));
    if (rng.below(8) == 0 && header < 128) bytes.insert(at, std::string(rng.below(20), '9'));
    return;
  }
}

/// Checks that the tensor lies in the file and touches its pages.
uint64_t use(const StoredTensor& stored) {
  const std::span<const std::byte> all = stored.file->bytes();
  const Tensor& tensor = stored.tensor;
  EXPECT_GE(tensor.data(), all.data());
  EXPECT_LE(tensor.bytes(), all.size());
  EXPECT_LE(stored.file_offset(), all.size() - tensor.bytes());
  uint64_t sum = stored.name.size();
  for (uint64_t i = 0; i < tensor.bytes(); i += 16) sum += static_cast<uint64_t>(tensor.data()[i]);
  stored.release_rows(0, tensor.shape().rows());
  return sum;
}

uint64_t use(const GgufFile& file) {
  uint64_t sum = 0;
  const std::span<const std::byte> bytes = file.file()->bytes();
  EXPECT_LE(file.data_offset(), bytes.size());
  for (const auto& [key, value] : file.metadata()) {
    EXPECT_EQ(file.find(key), &value);
    if (const auto* array = std::get_if<GgufArray>(&value.value)) {
      if (const auto* texts = std::get_if<std::vector<std::string_view>>(&array->values)) {
        for (std::string_view text : *texts) {
          const auto* data = reinterpret_cast<const std::byte*>(text.data());
          EXPECT_TRUE(data >= bytes.data() && data + text.size() <= bytes.data() + bytes.size());
          for (char c : text) sum += static_cast<uint64_t>(c);
        }
      }
    }
  }
  for (const StoredTensor& tensor : file.tensors()) {
    EXPECT_EQ(file.find_tensor(tensor.name), &tensor);
    sum += use(tensor);
  }
  return sum;
}

struct Outcome {
  int64_t loaded = 0, refused = 0;
};

template <class Mutate, class Load>
Outcome run(const std::filesystem::path& original, Mutate&& change, Load&& load) {
  const TemporaryFolder folder("mutated", memory_backed_folder());
  const std::string whole = content_of(original);
  Rng rng(20240607);
  Outcome outcome;
  for (int64_t i = 0; i < mutations(); ++i) {
    std::string bytes = whole;
    const uint64_t times = 1 + rng.below(3);
    for (uint64_t t = 0; t < times && !bytes.empty(); ++t) change(bytes, rng);
    const std::filesystem::path path = folder.file("mutated", bytes);
    try {
      load(path);
      ++outcome.loaded;
    } catch (const Error&) {
      ++outcome.refused;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "mutation " << i << ": not an slm::Error: " << error.what();
    }
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "mutation " << i;
      break;
    }
  }
  return outcome;
}

TEST(Mutations, AreCountedByAWholeNumberAboveZero) {
  EXPECT_EQ(test::mutation_count("1"), 1);
  EXPECT_EQ(test::mutation_count("100000"), 100000);
  for (const char* none : {"", "0", "-4", "1e5", " 4", "4 ", "4k", "99999999999999999999"})
    EXPECT_THROW(test::mutation_count(none), std::runtime_error) << none;
}

TEST(Mutations, OfAGgufLoadOrThrowAnError) {
  const size_t header = GgufFile::open(golden("all_types.gguf")).data_offset();
  const Outcome outcome = run(
      golden("all_types.gguf"), [&](std::string& bytes, Rng& rng) { mutate(bytes, header, rng); },
      [](const std::filesystem::path& path) { use(GgufFile::open(path)); });
  RecordProperty("loaded", std::to_string(outcome.loaded));
  RecordProperty("refused", std::to_string(outcome.refused));
  EXPECT_GE(outcome.loaded, mutations() / 20);
  EXPECT_GE(outcome.refused, mutations() / 5);
}

TEST(Mutations, OfASafetensorsLoadOrThrowAnError) {
  const size_t header = read_safetensors(golden("mixed.safetensors")).front().file_offset();
  const Outcome outcome = run(
      golden("mixed.safetensors"),
      [&](std::string& bytes, Rng& rng) {
        const uint64_t kind = rng.below(4);
        if (kind < 2) return mutate(bytes, header, rng);
        if (kind == 2) return mutate_digits(bytes, header, rng);
        const size_t at = rng.below(bytes.size());  // the data: loads
        bytes[at] = static_cast<char>(at >= header ? rng.next() : static_cast<unsigned char>(bytes[at]));
      },
      [](const std::filesystem::path& path) {
        for (const StoredTensor& tensor : read_safetensors(path)) use(tensor);
      });
  RecordProperty("loaded", std::to_string(outcome.loaded));
  RecordProperty("refused", std::to_string(outcome.refused));
  EXPECT_GE(outcome.loaded, mutations() / 20);
  EXPECT_GE(outcome.refused, mutations() / 5);
}

}  // namespace
}  // namespace slm
