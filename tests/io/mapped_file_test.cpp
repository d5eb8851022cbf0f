// SPDX-License-Identifier: Apache-2.0
#include "slm/io/mapped_file.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "slm/core/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

/// Bytes of files that are resident in this process.
int64_t resident_file_bytes() {
  std::ifstream in("/proc/self/statm");
  int64_t size = 0, resident = 0, shared = 0;
  in >> size >> resident >> shared;
  return shared * ::sysconf(_SC_PAGESIZE);
}

int64_t sum_of(std::span<const std::byte> bytes) {
  int64_t sum = 0;
  for (std::byte byte : bytes) sum += static_cast<int64_t>(byte);
  return sum;
}

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const TemporaryFolder folder;
  const std::string text("a\0b\xff", 4);
  const auto file = MappedFile::open(folder.file("x", text));
  ASSERT_EQ(file->bytes().size(), 4u);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(file->bytes().data()), 4), text);
  EXPECT_EQ(file->path(), (folder.path() / "x").string());
}

TEST(MappedFile, NamesWhatCannotBeOpened) {
  const TemporaryFolder folder;
  expect_error<IoError>([&] { MappedFile::open(folder.path() / "none.gguf"); }, {"none.gguf", "No such file"});
  expect_error<IoError>([&] { MappedFile::open(""); }, {"No such file"});
  expect_error<IoError>([&] { MappedFile::open(folder.path()); }, {folder.path().string(), "Is a directory"});
  expect_error<FormatError>([&] { MappedFile::open(folder.file("empty", "")); }, {"empty", "the file is empty"});
}

TEST(MappedFile, RefusesANamedPipeWithoutWaitingForIt) {
  const TemporaryFolder folder;
  const std::string pipe = (folder.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_error<IoError>([&] { MappedFile::open(pipe); }, {pipe, "not a regular file"});
}

TEST(MappedFile, ReleaseTakesPagesOutOfTheResidentSetAndTheyComeBack) {
  const TemporaryFolder folder;
  constexpr int64_t kBytes = int64_t{16} << 20;
  const auto file = MappedFile::open(folder.file("big", std::string(kBytes, '\3')));
  EXPECT_EQ(sum_of(file->bytes()), 3 * kBytes);
  const int64_t before = resident_file_bytes();
  file->release(file->bytes().data() + 1, static_cast<size_t>(kBytes) - 1);
  EXPECT_LE(resident_file_bytes(), before - kBytes * 9 / 10);
  EXPECT_EQ(sum_of(file->bytes()), 3 * kBytes);
}

TEST(MappedFile, ReleaseOfLessThanAPageKeepsIt) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.file("small", std::string(10000, '\1')));
  file->release(file->bytes().data() + 100, 200);
  file->release(file->bytes().data() + 100, 0);
  file->release(file->bytes().data() + 10000, 0);
  EXPECT_EQ(sum_of(file->bytes()), 10000);
}

TEST(MappedFile, ReleaseOutsideTheMappingIsTheCallersMistake) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.file("small", "12345678"));
  const std::byte* data = file->bytes().data();
  EXPECT_THROW(file->release(data, 9), ArgumentError);
  EXPECT_THROW(file->release(data + 4, 5), ArgumentError);
  EXPECT_THROW(file->release(data + 9, 0), ArgumentError);
  EXPECT_THROW(file->release(data - 1, 1), ArgumentError);
  EXPECT_THROW(file->release(data + 1, SIZE_MAX), ArgumentError);
}

}  // namespace
}  // namespace slm
