// SPDX-License-Identifier: Apache-2.0
#include "slm/io/tensor_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "slm/core/error.h"
#include "slm/io/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

TEST(StoredTensor, KnowsItsPlaceInTheFileAndReleasesOnlyItsRows) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "x.safetensors";
  const std::vector<float> values(4096 * 8, 1.5f);
  const SafetensorsEntry entry{"w", Dtype::F32, {8, 4096}};
  write_safetensors(path, {&entry, 1}, {},
                    [&](size_t, const ByteSink& sink) { sink(std::as_bytes(std::span(values))); });
  const std::vector<StoredTensor> tensors = read_safetensors(path);
  ASSERT_EQ(tensors.size(), 1u);
  const StoredTensor& tensor = tensors[0];
  EXPECT_EQ(tensor.file_offset() + tensor.tensor.bytes(), std::filesystem::file_size(path));
  tensor.release_rows(0, 8);
  tensor.release_rows(8, 8);
  EXPECT_EQ(tensor.tensor.as<float>()[4096 * 7], 1.5f);
  EXPECT_THROW(tensor.release_rows(0, 9), ArgumentError);
  EXPECT_THROW(tensor.release_rows(-1, 1), ArgumentError);
  EXPECT_THROW(tensor.release_rows(3, 2), ArgumentError);
}

/// KiB of files that are resident in this process.
int64_t resident_of_files() {
  std::ifstream status("/proc/self/status");
  int64_t sum = 0, lines = 0;
  for (std::string word; status >> word;)  // files in memory (tmpfs) count as RssShmem
    if (int64_t kib; (word == "RssFile:" || word == "RssShmem:") && status >> kib) sum += kib, ++lines;
  EXPECT_EQ(lines, 2) << "RssFile and RssShmem in /proc/self/status";
  return sum;
}

TEST(StoredTensor, IsTakenWholeAndLeavesNoPagesBehind) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "x.safetensors";
  std::vector<float> values(5 * 1'000'001);  // 20 MB: three stretches, rows that share pages
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1'000'003);
  const SafetensorsEntry entry{"w", Dtype::F32, {1'000'001, 5}};
  write_safetensors(path, {&entry, 1}, {},
                    [&](size_t, const ByteSink& sink) { sink(std::as_bytes(std::span(values))); });
  const std::vector<StoredTensor> tensors = read_safetensors(path);
  std::vector<float> taken(values.size());
  EXPECT_THROW(tensors[0].take(std::as_writable_bytes(std::span(taken).first(4))), ArgumentError);
  const int64_t before = resident_of_files();
  tensors[0].take(std::as_writable_bytes(std::span(taken)));
  EXPECT_LT(resident_of_files() - before, 2'000);
  EXPECT_EQ(taken, values);
}

}  // namespace
}  // namespace slm
