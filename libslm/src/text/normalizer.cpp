// SPDX-License-Identifier: Apache-2.0
#include "slm/text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "slm/core/check.h"
#include "slm/text/utf8.h"

namespace slm {
namespace {

/// Characters with a combining class or a composition that Unicode got after version 9, up to 15. The crate the
/// official tokenizers normalize with does not know them: it treats them as letters that combine with nothing.
constexpr std::array<std::array<char32_t, 2>, 40> kLaterThanUnicode9 = {{
    {0x07FD, 0x07FD},   {0x0898, 0x089F},   {0x08CA, 0x08D3},   {0x09FE, 0x09FE},   {0x0C3C, 0x0C3C},
    {0x0D3B, 0x0D3C},   {0x0EBA, 0x0EBA},   {0x0ECE, 0x0ECE},   {0x1715, 0x1715},   {0x1ABF, 0x1ACE},
    {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E},
    {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x11935, 0x11935}, {0x11938, 0x11938}, {0x1193D, 0x1193E},
    {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
}};

bool later_than_unicode_9(char32_t c) {
  if (c < kLaterThanUnicode9[0][0]) return false;
  return std::any_of(kLaterThanUnicode9.begin(), kLaterThanUnicode9.end(),
                     [c](const auto& range) { return c >= range[0] && c <= range[1]; });
}

int combining_class(char32_t c) { return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class; }

/// Not changed by NFC, and composing with no inert character before it: what follows may compose with it, but then that
/// is not inert. Common ranges only (Latin-1, Cyrillic, punctuation, ideographs, Hangul syllables, emoji).
bool is_inert(char32_t c) {
  return c < 0x300 || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x400 && c <= 0x482) ||
         (c >= 0x2010 && c <= 0x2027) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x1F000 && c <= 0x1FAFF) ||
         (c >= 0x3001 && c <= 0x3029);
}

/// Decomposes, sorts marks by class, composes: D117 of the standard. utf8proc's own sort is quadratic in
/// a run of marks.
void append_nfc(std::vector<utf8proc_int32_t>& text, std::string& out) {
  std::vector<utf8proc_int32_t> decomposed;
  decomposed.reserve(text.size() + 16);
  for (const utf8proc_int32_t c : text) {
    std::array<utf8proc_int32_t, 32> parts{};
    int boundary_class = 0;
    const auto n =
        utf8proc_decompose_char(c, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
                                static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &boundary_class);
    SLM_CHECK(n >= 0 && static_cast<size_t>(n) <= parts.size(), "[nfc] utf8proc: {}", utf8proc_errmsg(n));
    decomposed.insert(decomposed.end(), parts.begin(), parts.begin() + n);
  }
  for (size_t i = 0; i < decomposed.size();) {
    if (combining_class(static_cast<char32_t>(decomposed[i])) == 0) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < decomposed.size() && combining_class(static_cast<char32_t>(decomposed[end])) != 0) ++end;
    std::stable_sort(decomposed.begin() + static_cast<std::ptrdiff_t>(i),
                     decomposed.begin() + static_cast<std::ptrdiff_t>(end), [](utf8proc_int32_t a, utf8proc_int32_t b) {
                       return combining_class(static_cast<char32_t>(a)) < combining_class(static_cast<char32_t>(b));
                     });
    i = end;
  }
  const auto n = utf8proc_normalize_utf32(decomposed.data(), static_cast<utf8proc_ssize_t>(decomposed.size()),
                                          static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  SLM_CHECK(n >= 0, "[nfc] utf8proc: {}", utf8proc_errmsg(n));
  for (utf8proc_ssize_t i = 0; i < n; ++i) append_utf8(out, static_cast<char32_t>(decomposed[static_cast<size_t>(i)]));
  text.clear();
}

}  // namespace

bool is_surely_nfc(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (static_cast<uint8_t>(text[i]) < 0xCC) {  // below U+0300
      ++i;
      continue;
    }
    const Utf8Step step = utf8_step(text.substr(i));
    if (!is_inert(step.code_point)) return false;
    i += step.length;
  }
  return true;
}

std::string nfc(std::string_view text) {
  if (is_surely_nfc(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  std::vector<utf8proc_int32_t> stretch;  // between characters that do not take part
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (later_than_unicode_9(step.code_point)) {
      append_nfc(stretch, out);
      append_utf8(out, step.code_point);
    } else {
      stretch.push_back(static_cast<utf8proc_int32_t>(step.code_point));
      // A stretch may be cut before any inert character: nothing before it reaches over it.
      if (stretch.size() > 4096 && is_inert(step.code_point)) {
        stretch.pop_back();
        append_nfc(stretch, out);
        stretch.push_back(static_cast<utf8proc_int32_t>(step.code_point));
      }
    }
    text.remove_prefix(step.length);
  }
  append_nfc(stretch, out);
  return out;
}

}  // namespace slm
