// SPDX-License-Identifier: Apache-2.0
#include "slm/io/folder_lock.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"

#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

TEST(FolderLock, IsHeldByOneAtATime) {
  const TemporaryFolder folder, another;
  {
    FolderLock first(folder.path());
    expect_error<IoError>([&] { FolderLock second(folder.path()); }, {folder.path().string(), "in use"});
    const FolderLock elsewhere(another.path());
    const FolderLock moved(std::move(first));
    expect_error<IoError>([&] { FolderLock second(folder.path()); }, {"in use"});
  }
  EXPECT_NO_THROW(FolderLock(folder.path()));
}

TEST(FolderLock, NeedsAFolderToWriteTo) {
  expect_error<IoError>([] { FolderLock lock("/proc/self"); }, {"/proc/self"});
  expect_error<IoError>([] { FolderLock lock("no/such/folder"); }, {"no/such/folder"});
}

}  // namespace
}  // namespace slm
