# SPDX-License-Identifier: Apache-2.0
# What libslm links: Debian packages all, listed with licence and reason in third_party/README.md.
# Included by the build and, installed, by slm-config.cmake.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)  # slm/io/json.h
find_package(OpenSSL REQUIRED COMPONENTS Crypto)  # its SHA-256
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET GLOBAL libpcre2-8)
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET GLOBAL sentencepiece)
if(NOT TARGET slm_utf8proc)  # Debian's utf8proc has no CMake package
  find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
  find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
  add_library(slm_utf8proc INTERFACE IMPORTED GLOBAL)
  set_target_properties(slm_utf8proc PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${UTF8PROC_INCLUDE_DIR}" INTERFACE_LINK_LIBRARIES "${UTF8PROC_LIBRARY}")
endif()
