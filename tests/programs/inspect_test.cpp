// SPDX-License-Identifier: Apache-2.0
// inspect of a file with many keys: all of them, in file order, in time in proportion.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/programs/rewritten_model.h"
#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

/// Processor time of all programs that have ended.
double seconds_of_programs() {
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

TEST(Inspect, ShowsManyKeysInTimeInProportion) {
  constexpr int kKeys = 200'000;
  const TemporaryFolder folder;
  const std::string model = rewritten(folder, [](GgufWriter& writer, const GgufFile&) {
    for (int i = kKeys; i > 0; --i) writer.set(fmt::format("key.{:06}", i), {GgufType::U32, static_cast<uint64_t>(i)});
  });
  const double before = seconds_of_programs();
  const Ran ran = run("inspect", {"--model", model, "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_LT(seconds_of_programs() - before, 10.0) << "2·10¹⁰ comparisons of keys would take a minute";
  EXPECT_LT(ran.out.find("\"key.200000\""), ran.out.find("\"key.000001\"")) << "in file order";
  const nlohmann::json document = ran.json();
  EXPECT_EQ(document.at("metadata").size(), GgufFile::open(model).metadata().size());
  EXPECT_EQ(document.at("metadata").at("key.123456"), 123456);
}

}  // namespace
}  // namespace slm::test
