// SPDX-License-Identifier: Apache-2.0
#include "slm/io/tensor_file.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace slm
