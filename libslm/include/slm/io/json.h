// SPDX-License-Identifier: Apache-2.0
// JSON files: nlohmann-json with errors that name the file and the byte, and typed look-ups that name the key.
// In: a path.  Out: nlohmann::json.  Used by .cpp files only: no public header of another stage includes it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace slm {

using Json = nlohmann::ordered_json;

/// The whole text of a file. Throws IoError.
std::string read_file(const std::filesystem::path& path);
/// Throws IoError, FormatError with the byte of the first mistake (also for nesting deeper than 100).
Json parse_json_file(const std::filesystem::path& path);
Json parse_json(std::string_view text, const std::string& path);

/// object[key] as T, or `fallback` where absent or null. Throws FormatError naming path, key, expected and found type.
template <class T> T json_value(const Json& object, const char* key, const T& fallback, const std::string& path);
/// The same, required.
template <class T> T json_require(const Json& object, const char* key, const std::string& path);

}  // namespace slm
