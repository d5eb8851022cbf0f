// SPDX-License-Identifier: Apache-2.0
// SHA-256 against the examples of FIPS 180-4 (NIST), in one piece and in many, and of files.
#include "slm/io/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "slm/io/atomic_file.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

constexpr std::string_view kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, IsThatOfTheStandardsExamples) {
  Sha256 hash;
  EXPECT_EQ(hash.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.update(bytes_of("abc"));
  EXPECT_EQ(hash.hex(), kAbc);
  EXPECT_EQ(hash.hex(), kAbc) << "asked again";
  Sha256 in_pieces;
  for (int i = 0; i < 1000; ++i) {
    in_pieces.update(bytes_of(std::string(static_cast<size_t>(i % 2 == 0 ? 1 : 1999), 'a')));
    if (i % 100 == 0) in_pieces.hex();
  }
  EXPECT_EQ(in_pieces.hex(), kMillionA);
}

TEST(Sha256, OfAFileAndOfWhatIsWritten) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "a";
  const std::string half(500000, 'a');
  Sha256 written, read;
  AtomicFile file(path, &written);
  for (int i = 0; i < 2; ++i) file.write(half.data(), half.size());
  file.commit();
  EXPECT_EQ(written.hex(), kMillionA);
  uint64_t reported = 0;
  read.update(*MappedFile::open(path), [&](const ProgressEvent& event) { reported = event.total; });
  EXPECT_EQ(read.hex(), kMillionA);
  EXPECT_EQ(reported, 1000000u);
}

}  // namespace
}  // namespace slm
