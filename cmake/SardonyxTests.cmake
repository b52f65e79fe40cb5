# Tests: each tests/unit/**/<name>_test.cc is one GoogleTest executable and one ctest, run from the
# repository root. Files below tests/support/ are linked to all of them. <name>_slow_test.cc carries
# the label slow, which `make test` leaves out. A folder of tests/ with a CMakeLists.txt of its own
# is added as it is.

file(GLOB_RECURSE support_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.cc)
if(support_sources)
  add_library(sardonyx_test_support STATIC ${support_sources})
  target_link_libraries(sardonyx_test_support PUBLIC sardonyx_api)
else()
  add_library(sardonyx_test_support INTERFACE)
  target_link_libraries(sardonyx_test_support INTERFACE sardonyx_api)
endif()

if(SARDONYX_TESTS)
  if(CMAKE_CROSSCOMPILING)
    # Debian's package googletest: the sources, for a target that has no packages of its own.
    add_subdirectory(/usr/src/googletest ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
  else()
    find_package(GTest REQUIRED)
  endif()
  file(GLOB_RECURSE unit_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/*_test.cc)
  foreach(source IN LISTS unit_tests)
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE sardonyx_test_support GTest::gmock GTest::gtest
                                          GTest::gtest_main)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS unit)
    if(name MATCHES "_slow_test$")
      set_tests_properties(${name} PROPERTIES LABELS slow TIMEOUT 3600)
    endif()
  endforeach()
  # 8-bit products as processors without an instruction for them do these, wherever the tests run.
  add_test(NAME cpu_gemm_s8_plain_test COMMAND cpu_gemm_s8_test
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(cpu_gemm_s8_plain_test PROPERTIES
    TIMEOUT 600 LABELS unit ENVIRONMENT SARDONYX_BYTE_DOT=0)
endif()

if(SARDONYX_TESTS OR SARDONYX_BENCHMARKS)
  file(GLOB test_rooms CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*/CMakeLists.txt)
  foreach(file IN LISTS test_rooms)
    cmake_path(GET file PARENT_PATH dir)
    add_subdirectory(${dir})
  endforeach()
endif()

if(SARDONYX_FUZZ)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/*.cc)
  foreach(source IN LISTS fuzzers)
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE sardonyx_test_support)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  endforeach()
endif()
