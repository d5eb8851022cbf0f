// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <set>
#include <sstream>

#include "cli/terminal.h"

namespace slm {
namespace {

constexpr size_t kLine = 116;        // columns
constexpr size_t kDescription = 30;  // where descriptions begin

std::string name_and_type(const CLI::Option* option) {
  std::string text = option->get_name(false, true);
  if (option->get_type_size() != 0) text += " " + option->get_type_name();
  return text;
}

/// Name and type, then the description in a column of its own, with the default and what it cannot stand with.
std::string describe(const CLI::Option* option) {
  std::string description = option->get_description();
  if (!option->get_default_str().empty()) description += " (default " + option->get_default_str() + ")";
  std::set<std::string> excluded;
  for (const CLI::Option* other : option->get_excludes()) excluded.insert(other->get_name());
  std::string list;
  for (const std::string& other : excluded) list += (list.empty() ? "" : ", ") + other;
  if (!excluded.empty()) description += " (not with " + list + ")";

  std::string text = "  " + name_and_type(option);
  size_t column = columns(text);
  const auto go_to_description = [&] {
    text.append(kDescription - column, ' ');
    column = kDescription;
  };
  if (column + 2 > kDescription) text += '\n', column = 0;
  go_to_description();
  std::istringstream words(description);
  for (std::string word; words >> word;) {
    if (column > kDescription && column + 1 + columns(word) > kLine) {
      text += '\n', column = 0;
      go_to_description();
    } else if (column > kDescription) {
      text += ' ', ++column;
    }
    text += word;
    column += columns(word);
  }
  return text + "\n";
}

}  // namespace

std::string HelpPage::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const {
  std::string text = app->get_description() + "\n\nUsage: " + name;
  for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_required(); }))
    text += " " + name_and_type(option);
  text += " [OPTIONS]\n";
  for (const std::string& group : app->get_groups()) {
    const auto options = app->get_options([&](const CLI::Option* o) { return o->get_group() == group; });
    if (options.empty()) continue;
    text += "\n" + group + ":\n";
    for (const CLI::Option* option : options) text += describe(option);
  }
  return text + "\n" + app->get_footer() + "\n";
}

}  // namespace slm
