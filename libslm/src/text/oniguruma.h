// SPDX-License-Identifier: Apache-2.0
// Expressions of a tokenizer.json, written for Oniguruma (Ruby's syntax), as PCRE2 reads them: what both engines run
// alike passes, what only looks alike is rewritten, everything else is refused. A list of what is known to agree, not
// of what is known to differ: tests/text/oniguruma_test.cpp holds each line of it to the official library.
// In: a pattern of tokenizer.json.  Out: a pattern of PCRE2.  Next: pretokenizer.cpp.
#pragma once

#include <string>

namespace slm {

/// The expression for PCRE2_UTF | PCRE2_UCP. Groups capture nothing. Callouts `(?C)` stand where a matcher that repeats
/// or chooses must pass, so that whoever counts characters between them counts the work: around every repeated
/// character, at the begin of every group that is repeated or not first. What lies between two callouts costs at most
/// the length of the pattern, or kLargestCount characters.
///
/// Rewritten: `.` (all but \n; all under (?m)), (?m) (Ruby's dotall), (?i) (up to the end of its group, alternatives
/// too), \s \d \v \uHHHH, {,n}, {n,m}+ (repeats; not possessive), \p{Han} (the script, not its extensions), \p{^L}.
/// Throws ArgumentError that names what it refuses: anchors, \w \b \h \R \X \K \G, back references, named groups,
/// comments, conditions, (?x), nested or intersected or POSIX classes, `-` that is no range, {n}? ({n} or nothing, in
/// Ruby), repeated repeats, properties beyond general categories and scripts, and under (?i) whatever may fold to
/// several characters ("ss" is "ß" to Oniguruma).
std::string pcre2_of_oniguruma(const std::string& pattern);

}  // namespace slm
