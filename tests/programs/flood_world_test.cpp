// SPDX-License-Identifier: Apache-2.0
// flood_world: the same bytes for a seed, no name in two splits, and every answer follows from its report alone, by
// reading the report's text again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <set>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

std::vector<nlohmann::json> lines_of(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

class FloodWorld : public testing::Test {
 protected:
  std::string made(const std::string& split, const std::string& form, int reports, int seed, int questions = 1,
                   const std::vector<std::string>& more = {}) {
    const std::string out = (folder_.path() / "out.jsonl").string();
    std::vector<std::string> words = {"--split",     split,
                                      "--form",      form,
                                      "--reports",   std::to_string(reports),
                                      "--seed",      std::to_string(seed),
                                      "--questions", std::to_string(questions),
                                      "--out",       out};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run("flood_world", words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return content_of(out);
  }
  TemporaryFolder folder_;
};

/// What a reader finds in a report, which must outlive it.
struct Read {
  explicit Read(std::string&&) = delete;
  explicit Read(const std::string& report) {
    static const std::regex gauge(
        "Gauge ([AB]) is on the (\\w+) at (\\w+). Gauge \\1 stands at (\\d+) cm. Gauge \\1 is (rising|falling) (\\d) "
        "cm an "
        "hour. Gauge \\1 has its warning level at (\\d+) cm. Gauge \\1 has its danger level at (\\d+) cm.");
    for (std::sregex_iterator it(report.begin(), report.end(), gauge), end; it != end; ++it) gauges.push_back(*it);
    static const std::regex shelter("(The [\\w ]+ in (\\w+)) is a shelter with (\\d+) places, (\\d+) are taken.");
    static const std::regex road("The road from (\\w+) to (\\w+) is (open|closed).");
    static const std::regex message("The town of (\\w+) asks for (\\d+) (\\w+) until (\\d\\d:\\d0).");
    EXPECT_TRUE(std::regex_search(report, shelter_match, shelter)) << report;
    EXPECT_TRUE(std::regex_search(report, road_match, road)) << report;
    EXPECT_TRUE(std::regex_search(report, message_match, message)) << report;
    EXPECT_EQ(gauges.size(), 2u) << report;
  }
  const std::smatch& gauge_of(const std::string& text) const {
    return text.find("gauge " + gauges[0][1].str()) != std::string::npos ? gauges[0] : gauges[1];
  }
  std::vector<std::smatch> gauges;
  std::smatch shelter_match, road_match, message_match;
};

/// A report of other names and numbers, with these lines in the place of its own.
std::string report_around(const std::string& excerpt) {
  const auto gauge = [](const std::string& letter, const std::string& river, int level) {
    return fmt::format(
        "Gauge {0} is on the {1} at Xb. Gauge {0} stands at {2} cm. Gauge {0} is rising 1 cm an hour. Gauge "
        "{0} has its warning level at 2 cm. Gauge {0} has its danger level at 3 cm.",
        letter, river, level);
  };
  std::map<std::string, std::string> lines = {
      {"1 Gauge A", gauge("A", "Xa", 1)},
      {"2 Gauge B", gauge("B", "Xc", 9)},
      {"3 is a shelter", "The hall in Xe is a shelter with 1 places, 1 are taken."},
      {"4 The road", "The road from Xf to Xg is open."},
      {"5 The town of", "The town of Xh asks for 1 things until 00:00."}};
  std::istringstream stream(excerpt);
  for (std::string line; std::getline(stream, line);)
    for (auto& [key, own] : lines)
      if (line.find(key.substr(2)) != std::string::npos) own = line;
  std::string report;
  for (const auto& [key, line] : lines) report += line + "\n";
  return report;
}

/// The answer, from the report's words.
std::string answer_of(const std::string& report, const std::string& question) {
  const Read r(report);
  const auto has = [&](const char* part) { return question.find(part) != std::string::npos; };
  const auto yes = [](bool is) { return std::string(is ? "yes" : "no"); };
  const std::smatch& g = r.gauge_of(question);
  const auto number = [](const std::ssub_match& m) { return std::stoi(m.str()); };
  if (has("the report say of the shelter")) return r.shelter_match[0];
  if (has("the report say of the road")) return r.road_match[0];
  if (has("the report say of help")) return r.message_match[0];
  if (has("the report say of gauge")) return g[0];
  if (has("above its warning level")) return yes(number(g[4]) > number(g[7]));
  if (has("above its danger level")) return yes(number(g[4]) > number(g[8]));
  if (has(" rising?")) return yes(g[5] == "rising");
  if (has("Is the road")) return yes(r.road_match[3] == "open");
  if (has("Which river stands higher"))
    return number(r.gauges[0][4]) > number(r.gauges[1][4]) ? r.gauges[0][2] : r.gauges[1][2];
  if (has("Where is the shelter")) return r.shelter_match[2];
  if (has("Who asks for help")) return r.message_match[1];
  if (has("Which place is a shelter")) return "t" + r.shelter_match[1].str().substr(1);
  if (has("What does")) return r.message_match[2].str() + " " + r.message_match[3].str();
  if (has("Until when")) return r.message_match[4];
  if (has("Which river has")) return g[2];
  if (has("places of the shelter are free"))
    return std::to_string(number(r.shelter_match[3]) - number(r.shelter_match[4]));
  if (has("in an hour")) return std::to_string(number(g[4]) + (g[5] == "rising" ? 1 : -1) * number(g[6])) + " cm";
  if (has("At what level")) return g[4].str() + " cm";
  if (has("How far is")) return std::to_string(std::abs(number(g[8]) - number(g[4]))) + " cm";
  return "no such question";
}

TEST_F(FloodWorld, EveryAnswerFollowsFromItsReport) {
  std::map<std::string, std::map<std::string, int>> answers;
  std::map<std::string, int> first;
  for (const nlohmann::json& task : lines_of(made("test", "tasks", 400, 3))) {
    const std::string kind = task.at("kind"), question = task.at("question"), answer = task.at("answer");
    ASSERT_EQ(answer_of(task.at("report"), question), answer) << task.at("report") << question;
    EXPECT_EQ(question.find("the report say of"), std::string::npos) << "a line to learn from is no task";
    EXPECT_EQ(task.at("prompt"), task.at("report").get<std::string>() + "Question: " + question + "\nAnswer:");
    ++answers[kind][answer];
    if (kind == "yes_no" || kind == "choice") {
      const auto choices = task.at("choices").get<std::vector<std::string>>();
      EXPECT_EQ(std::ranges::count(choices, answer), 1);
      EXPECT_EQ(choices.size(), 2u);
      first[kind] += task.at("choices")[0] == answer ? 1 : 0;
    }
  }
  EXPECT_EQ(answers.size(), 4u);
  EXPECT_NEAR(answers["yes_no"]["yes"], 200, 50) << "a coin";
  EXPECT_NEAR(first["choice"], 200, 50) << "the first as often as the second";
}

TEST_F(FloodWorld, QuestionsAreTheTasksWithoutTheirReport) {
  const auto tasks = lines_of(made("test", "tasks", 20, 3)), questions = lines_of(made("test", "questions", 20, 3));
  ASSERT_EQ(tasks.size(), 80u);
  ASSERT_EQ(questions.size(), 80u);
  for (size_t i = 0; i < tasks.size(); ++i) {
    EXPECT_EQ(questions[i].at("prompt"), "Question: " + tasks[i].at("question").get<std::string>() + "\nAnswer:");
    EXPECT_EQ(questions[i].at("answer"), tasks[i].at("answer"));
  }
}

TEST_F(FloodWorld, TextHoldsQuestionsOfEachKindAndALineOfTheReport) {
  for (const int questions : {1, 3}) {
    const auto lines = lines_of(made("train", "text", 200, 5, questions));
    ASSERT_EQ(lines.size(), 200u);
    for (const nlohmann::json& line : lines) {
      const std::string text = line.at("text");
      const std::string report = text.substr(0, text.find("Question: "));
      static const std::regex question("Question: (.*)\nAnswer: (.*)\n");
      int count = 0;
      for (std::sregex_iterator it(text.begin(), text.end(), question), end; it != end; ++it, ++count)
        ASSERT_EQ(answer_of(report, (*it)[1]), (*it)[2]) << text;
      EXPECT_EQ(count, 5 * questions) << text;
    }
  }
}

TEST_F(FloodWorld, TurnsAreTheTextCutBeforeAndBehindEachAnswer) {
  const auto texts = lines_of(made("train", "text", 20, 5, 2)), turns = lines_of(made("train", "turns", 20, 5, 2));
  ASSERT_EQ(texts.size(), 20u);
  ASSERT_EQ(turns.size(), 20u);
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string joined;
    for (const nlohmann::json& turn : turns[i].at("turns")) {
      EXPECT_TRUE(turn.at("prompt").get<std::string>().ends_with("Answer:"));
      joined += turn.at("prompt").get<std::string>() + turn.at("completion").get<std::string>();
    }
    EXPECT_EQ(joined, texts[i].at("text"));
    EXPECT_EQ(turns[i].at("turns").size(), 10u);
  }
}

TEST_F(FloodWorld, ExcerptsAskOnlyForWhatTheirLineSays) {
  std::map<std::string, int> begins;
  for (const nlohmann::json& line : lines_of(made("train", "turns", 500, 5, 2, {"--about", "excerpts"}))) {
    const nlohmann::json& turns = line.at("turns");
    ASSERT_EQ(turns.size(), 10u);
    const std::string first = turns[0].at("prompt"), excerpt = first.substr(0, first.find("Question: "));
    ASSERT_EQ(std::ranges::count(excerpt, '\n'), excerpt.starts_with("Gauge") ? 2 : 1) << excerpt;
    const std::string whole = report_around(excerpt);
    for (const nlohmann::json& turn : turns) {
      const std::string prompt = turn.at("prompt"), completion = turn.at("completion");
      const std::string question = prompt.substr(prompt.find("Question: ") + 10);
      ASSERT_EQ(" " + answer_of(whole, question.substr(0, question.find('\n'))) + "\n", completion)
          << whole << question;
    }
    ++begins[excerpt.substr(0, 8)];
  }
  for (const char* begin : {"Gauge A ", "The road", "The town"}) EXPECT_GT(begins[begin], 60) << begin;
}

TEST_F(FloodWorld, NamesAreReadBackFromTheirList) {
  size_t most = 0, least = 99;
  for (const nlohmann::json& line : lines_of(made("train", "turns", 200, 5, 2, {"--about", "names"}))) {
    const nlohmann::json& turns = line.at("turns");
    ASSERT_EQ(turns.size(), 7u);
    const std::string first = turns[0].at("prompt"), all = turns[0].at("completion");
    const std::string list = all.substr(1, all.size() - 2);
    EXPECT_EQ(first, "Names: " + list + ".\nQuestion: Which names are there?\nAnswer:");
    std::vector<std::string> names = {""};
    for (const char c : list)
      if (c == ',')
        names.emplace_back();
      else if (c != ' ')
        names.back() += c;
    most = std::max(most, names.size()), least = std::min(least, names.size());
    EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size()) << list;
    for (size_t i = 1; i < turns.size(); ++i) {
      const std::string prompt = turns[i].at("prompt"), completion = turns[i].at("completion");
      const auto name = std::ranges::find(names, completion.substr(1, completion.size() - 2));
      ASSERT_TRUE(name != names.end() && name != names.begin()) << list << completion;
      EXPECT_EQ(prompt, "Question: Which name comes after " + *(name - 1) + "?\nAnswer:");
    }
  }
  EXPECT_EQ(least, 3u);
  EXPECT_EQ(most, 12u);
}

TEST_F(FloodWorld, TheSameSeedGivesTheSameBytes) {
  const std::string once = made("train", "text", 50, 1);
  EXPECT_EQ(made("train", "text", 50, 1), once);
  EXPECT_NE(made("train", "text", 50, 2), once);
  EXPECT_NE(made("valid", "text", 50, 1), once);
}

TEST_F(FloodWorld, NoTownOrRiverIsInTwoSplits) {
  std::map<std::string, std::set<std::string>> names;
  for (const std::string split : {"train", "valid", "test"})
    for (const nlohmann::json& line : lines_of(made(split, "text", 1500, 9))) {
      const std::string text = line.at("text");
      const std::string report = text.substr(0, text.find("Question: "));
      const Read r(report);
      for (const std::smatch& gauge : r.gauges) names[split].insert(gauge[2]), names[split].insert(gauge[3]);
      for (const auto& town : {r.shelter_match[2], r.road_match[1], r.road_match[2], r.message_match[1]})
        names[split].insert(town);
    }
  EXPECT_GT(names["train"].size(), 400u);
  for (const std::string& name : names["test"]) {
    EXPECT_FALSE(names["train"].contains(name)) << name;
    EXPECT_FALSE(names["valid"].contains(name)) << name;
  }
  for (const std::string& name : names["valid"]) EXPECT_FALSE(names["train"].contains(name)) << name;
}

TEST_F(FloodWorld, RefusesWhatItCannotWrite) {
  expect_error(run("flood_world", {"--split", "dev", "--out", "a"}), 2,
               "--split: 'dev', expected train, valid or test");
  expect_error(run("flood_world", {"--reports", "0", "--out", "a"}), 2, "--reports: '0'");
  expect_error(run("flood_world", {"--out", "/no/such/folder/a"}), 1, "/no/such/folder");
  expect_error(run("flood_world", {"--form", "tasks", "--about", "names", "--out", "a"}), 2,
               "--about names does nothing for --form tasks");
  expect_error(run("flood_world", {"--about", "rivers", "--out", "a"}), 2,
               "--about: 'rivers', expected reports, excerpts or names");
}

}  // namespace
}  // namespace slm::test
