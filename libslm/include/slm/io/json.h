// SPDX-License-Identifier: Apache-2.0
// JSON files: nlohmann-json with errors that name the file and the byte, and typed look-ups that name the key.
// In: a path.  Out: Json.  Used by .cpp files only: no public header of another stage includes it.
#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace slm {

/// Not nlohmann::ordered_json: its objects are searched linearly, so a tokenizer's vocabulary of 150,000 keys would
/// take 10^10 comparisons to read. Keys of an object therefore iterate in sorted order.
using Json = nlohmann::json;

enum class DuplicateKeys {
  LastWins,  ///< as Python's json module
  Refuse
};

/// The whole text of a file (a pipe too). Throws IoError.
std::string read_file(const std::filesystem::path& path);
/// Throws IoError, FormatError with the byte of the first mistake (also for nesting deeper than 100).
Json parse_json_file(const std::filesystem::path& path, DuplicateKeys duplicates = DuplicateKeys::LastWins);
/// `path` is for the messages, and `first_byte` is where `text` begins in that file.
Json parse_json(std::string_view text, const std::string& path, DuplicateKeys duplicates = DuplicateKeys::LastWins,
                uint64_t first_byte = 0);

/// f(value, where) for each line of `text` that is not blank; `where` is "path: line 7". Throws FormatError naming it.
void for_json_lines(std::string_view text, const std::string& path,
                    const std::function<void(const Json& value, const std::string& where)>& f);

/// object[key] as T (bool, an integer, a float, std::string, Json, or a std::vector of these), or `fallback` where
/// absent or null. Nothing is converted silently: a bool is no number, 1.5 no integer, 300 no uint8_t; an integer is a
/// float. Throws FormatError naming path, key, expected and found type.
template <class T>
T json_value(const Json& object, const char* key, const T& fallback, const std::string& path);
/// The same, required.
template <class T>
T json_require(const Json& object, const char* key, const std::string& path);

namespace detail {

[[noreturn]] void throw_json_type(const Json& found, std::string_view expected, const char* key,
                                  const std::string& path);
/// nullptr where absent or null. Throws FormatError where `object` is none.
const Json* find_json(const Json& object, const char* key, const std::string& path);
[[noreturn]] void throw_json_missing(const char* key, const std::string& path);

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
T json_as(const Json& value, const char* key, const std::string& path) {
  if constexpr (std::same_as<T, Json>) {
    return value;
  } else if constexpr (std::same_as<T, bool>) {
    if (!value.is_boolean()) throw_json_type(value, "true or false", key, path);
    return value.get<bool>();
  } else if constexpr (std::integral<T>) {
    if (value.is_number_unsigned() && std::in_range<T>(value.get<uint64_t>())) return value.get<T>();
    if (value.is_number_integer() && !value.is_number_unsigned() && std::in_range<T>(value.get<int64_t>()))
      return value.get<T>();
    throw_json_type(value, "an integer in range", key, path);
  } else if constexpr (std::floating_point<T>) {
    if (!value.is_number()) throw_json_type(value, "a number", key, path);
    return value.get<T>();
  } else if constexpr (IsVector<T>::value) {
    if (!value.is_array()) throw_json_type(value, "an array", key, path);
    T all;
    all.reserve(value.size());
    for (const Json& element : value) all.push_back(json_as<typename T::value_type>(element, key, path));
    return all;
  } else {
    static_assert(std::same_as<T, std::string>);
    if (!value.is_string()) throw_json_type(value, "a string", key, path);
    return value.get<std::string>();
  }
}

}  // namespace detail

template <class T>
T json_value(const Json& object, const char* key, const T& fallback, const std::string& path) {
  const Json* value = detail::find_json(object, key, path);
  return value == nullptr ? fallback : detail::json_as<T>(*value, key, path);
}

template <class T>
T json_require(const Json& object, const char* key, const std::string& path) {
  const Json* value = detail::find_json(object, key, path);
  if (value == nullptr) detail::throw_json_missing(key, path);
  return detail::json_as<T>(*value, key, path);
}

}  // namespace slm
