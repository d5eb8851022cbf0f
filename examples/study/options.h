// SPDX-License-Identifier: Apache-2.0
// What study is asked to do: its command line.
#pragma once

#include <string>

#include "study/study.h"

namespace CLI {
class App;
}

namespace slm {

extern const char* const kStudyTeaches;
std::string study_examples();
void add_study_options(CLI::App& app, StudyOptions& options);

}  // namespace slm
