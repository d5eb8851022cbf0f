// SPDX-License-Identifier: Apache-2.0
#include "io/path_exists.h"

#include <gtest/gtest.h>

#include <string>

#include "slm/io/safetensors.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

TEST(PathExists, TellsWhatIsThereLinksFollowed) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.file("file", "x");
  std::filesystem::create_symlink("file", folder.path() / "link");
  std::filesystem::create_symlink("nothing", folder.path() / "astray");
  EXPECT_TRUE(path_exists(file));
  EXPECT_TRUE(path_exists(folder.path() / "link"));
  EXPECT_TRUE(path_exists(folder.path()));
  EXPECT_FALSE(path_exists(folder.path() / "astray"));
  EXPECT_FALSE(path_exists(folder.path() / "nothing"));
  EXPECT_FALSE(path_exists(file / "below"));
  EXPECT_TRUE(is_folder(folder.path()));
  EXPECT_FALSE(is_folder(file));
  EXPECT_FALSE(is_folder(folder.path() / "nothing"));
}

TEST(PathExists, ThrowsAnIoErrorWhereTheSystemCannotTell) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("model.safetensors", folder.path() / "model.safetensors");
  expect_error<IoError>([&] { path_exists(folder.path() / "model.safetensors"); },
                        {"model.safetensors", "Too many levels of symbolic links"});
  expect_error<IoError>([&] { is_folder(folder.path() / std::string(300, 'x')); }, {"xxx", "File name too long"});
  expect_error<IoError>([&] { read_safetensors_folder(folder.path()); }, {"Too many levels of symbolic links"});
}

}  // namespace
}  // namespace slm
