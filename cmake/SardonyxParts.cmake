# The parts that Sardonyx is built with, as interface targets. All that reach the library are
# headers (fmt's other half is compiled here), so libsardonyx.so needs nothing but libc and
# libstdc++.

find_package(Threads REQUIRED)
find_path(EXPECTED_INCLUDE_DIR tl/expected.hpp REQUIRED)
find_path(FMT_INCLUDE_DIR fmt/format.h REQUIRED)
find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_reader.hpp REQUIRED)
find_path(FLATBUFFERS_INCLUDE_DIR flatbuffers/flatbuffers.h REQUIRED)
find_path(HIGHWAY_INCLUDE_DIR hwy/highway.h REQUIRED)

# Highway, headers alone. Its compiled half (hwy::SupportedTargets, HWY_EXPORT with
# HWY_DYNAMIC_DISPATCH, hwy::Abort) is not linked: base/ detects the processor, and cpu/ fills its
# kernel tables from the per-target namespaces.
#
# The tiers compiled are SSE4, AVX2 and AVX3 (AVX-512 F BW CD DQ VL) on x86-64, NEON on AArch64. A
# disabled name must exist in the Highway at hand, because it is also evaluated as C++.
set(HIGHWAY_DISABLED HWY_SSSE3 HWY_AVX3_DL HWY_SVE HWY_SVE2 HWY_SVE_256 HWY_SVE2_128)
file(STRINGS ${HIGHWAY_INCLUDE_DIR}/hwy/detect_targets.h HIGHWAY_NAMES
     REGEX "^#define HWY_(SSE2|AVX3_ZEN4|AVX3_SPR|AVX10_2|NEON_BF16) ")
foreach(line IN LISTS HIGHWAY_NAMES)
  string(REGEX REPLACE "^#define (HWY_[A-Z0-9_]+) .*" "\\1" name "${line}")
  list(APPEND HIGHWAY_DISABLED ${name})
endforeach()
list(JOIN HIGHWAY_DISABLED "|" HIGHWAY_DISABLED)

add_library(sardonyx_fmt STATIC ${PROJECT_SOURCE_DIR}/cmake/fmt_library.cc)
target_include_directories(sardonyx_fmt SYSTEM PRIVATE ${FMT_INCLUDE_DIR})

add_library(sardonyx_parts INTERFACE)
target_link_libraries(sardonyx_parts INTERFACE sardonyx_fmt)
target_link_libraries(sardonyx_parts INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
target_compile_definitions(
  sardonyx_parts INTERFACE HWY_DISABLE_PCLMUL_AES
                           "HWY_DISABLED_TARGETS=(${HIGHWAY_DISABLED})")
foreach(dir IN ITEMS ${EXPECTED_INCLUDE_DIR} ${FMT_INCLUDE_DIR} ${PROTOZERO_INCLUDE_DIR}
                     ${FLATBUFFERS_INCLUDE_DIR} ${HIGHWAY_INCLUDE_DIR})
  if(NOT dir IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    target_include_directories(sardonyx_parts SYSTEM INTERFACE ${dir})
  endif()
endforeach()
