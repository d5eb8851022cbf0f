// SPDX-License-Identifier: Apache-2.0
// HelpPage: how --help looks: what the program is for, its usage, its options, then what teaches more. No line is
// longer than 120 columns.
// In: a CLI11 application.  Out: text.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace slm {

class HelpPage : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace slm
