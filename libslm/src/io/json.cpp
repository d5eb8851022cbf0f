// SPDX-License-Identifier: Apache-2.0
#include "slm/io/json.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>

#include <cerrno>
#include <set>

#include "io/descriptor.h"
#include "slm/core/check.h"

namespace slm {
namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxQuoted = 160;  ///< bytes of the parser's own message: it quotes the file, however long the token

/// The parser keeps its own stack, but everything that walks the result recurses: depth is bounded before parsing.
void check_depth(std::string_view text, const std::string& path, uint64_t first_byte) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth)
        throw FormatError(path, first_byte + i, fmt::format("[json] nested deeper than {}", kMaxDepth));
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

/// nlohmann's message without its own numbering and position: "syntax error while parsing value - unexpected …".
std::string reason(const Json::exception& error) {
  std::string text = error.what();
  if (const size_t column = text.find("column "); column != std::string::npos) {
    if (const size_t colon = text.find(": ", column); colon != std::string::npos) text.erase(0, colon + 2);
  } else if (const size_t bracket = text.find("] "); bracket != std::string::npos) {
    text.erase(0, bracket + 2);
  }
  if (text.size() > kMaxQuoted) text = text.substr(0, kMaxQuoted) + "...";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';  // may be invalid UTF-8, which is what is complained about
  }
  return text;
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  return text;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  const std::string message = "[read] " + name;
  const Descriptor fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) throw IoError(message, errno);
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) throw IoError(message, errno);
  if (S_ISDIR(status.st_mode)) throw IoError(message, EISDIR);
  constexpr size_t kChunk = size_t{1} << 16;
  // One byte more than the file, so that its end is seen without growing; a pipe has no size and grows by doubling.
  const bool has_size = S_ISREG(status.st_mode) && status.st_size > 0;
  std::string text(has_size ? static_cast<size_t>(status.st_size) + 1 : kChunk, '\0');
  size_t size = 0;
  while (true) {
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError(message, errno);
    if (n == 0) break;
    size += static_cast<size_t>(n);
    if (size == text.size()) text.resize(2 * size);
  }
  text.resize(size);
  return text;
}

void for_json_lines(std::string_view text, const std::string& path,
                    const std::function<void(const Json& value, const std::string& where)>& f) {
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const std::string where = fmt::format("{}: line {}", path, number);
    f(parse_json(line, where), where);
  }
}

Json parse_json_file(const std::filesystem::path& path, DuplicateKeys duplicates) {
  return parse_json(read_file(path), path.string(), duplicates);
}

Json parse_json(std::string_view text, const std::string& path, DuplicateKeys duplicates, uint64_t first_byte) {
  check_depth(text, path, first_byte);
  std::vector<std::set<std::string>> open_objects;
  const auto refuse = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key && !open_objects.back().insert(parsed.get<std::string>()).second)
      throw FormatError(path, first_byte, fmt::format("[json] key {} appears twice in one object", shown(parsed)));
    return true;
  };
  try {
    return duplicates == DuplicateKeys::Refuse ? Json::parse(text.begin(), text.end(), refuse)
                                               : Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {  // error.byte counts from 1
    throw FormatError(path, first_byte + (error.byte > 0 ? error.byte - 1 : 0), "[json] " + reason(error));
  } catch (const Json::exception& error) {
    throw FormatError(path, "[json] " + reason(error));
  }
}

namespace detail {

void throw_json_type(const Json& found, std::string_view expected, const char* key, const std::string& path) {
  throw FormatError(path, fmt::format("[json] \"{}\" is {}, expected {}", key, shown(found), expected));
}

void throw_json_missing(const char* key, const std::string& path) {
  throw FormatError(path, fmt::format("[json] \"{}\" is missing", key));
}

const Json* find_json(const Json& object, const char* key, const std::string& path) {
  if (!object.is_object())
    throw FormatError(path, fmt::format("[json] looked for \"{}\" in {}, expected an object", key, shown(object)));
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace detail
}  // namespace slm
