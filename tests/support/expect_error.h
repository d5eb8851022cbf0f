// SPDX-License-Identifier: Apache-2.0
// expect_error: what is thrown has a type and a text that says what went wrong.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <initializer_list>
#include <string_view>

namespace slm {

/// Expects that `statement` throws an Error of type E whose message contains every given text.
template <class E, class F>
void expect_error(F&& statement, std::initializer_list<std::string_view> texts) {
  try {
    statement();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    for (std::string_view text : texts)
      EXPECT_NE(std::string_view(error.what()).find(text), std::string_view::npos)
          << "\"" << text << "\" in: " << error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception: " << error.what();
  }
}

}  // namespace slm
