// SPDX-License-Identifier: Apache-2.0
#include "slm/io/free_space.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

TEST(FreeSpace, ThatIsNotThereIsSaidWithWhatIsNeededAndWhatIsFree) {
  const TemporaryFolder folder;
  for (const char* name : {"", "not/yet/there"}) {
    EXPECT_NO_THROW(check_free_space(folder.path() / name, 1000));
    expect_error<IoError>([&] { check_free_space(folder.path() / name, uint64_t{1} << 60); },
                          {"1099511627776 MB more are needed", "MB free"});
  }
}

}  // namespace
}  // namespace slm
