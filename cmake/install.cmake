# SPDX-License-Identifier: Apache-2.0
# cmake --install: headers, one static library, and a package that find_package(slm) finds.
if(NOT SLM_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS slm EXPORT slm-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/libslm/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")
install(EXPORT slm-targets NAMESPACE slm:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/slm)
set(package ${PROJECT_BINARY_DIR}/CMakeFiles/slm-package)  # not where find_package() looks, who has bin/ in his PATH
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/slm-config.cmake.in ${package}/slm-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/slm)
write_basic_package_version_file(${package}/slm-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${package}/slm-config.cmake ${package}/slm-config-version.cmake
  ${PROJECT_SOURCE_DIR}/third_party/slm-dependencies.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/slm)
