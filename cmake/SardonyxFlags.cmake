# Compiler settings of every target of ours: the interface target sardonyx_flags.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

# Clones of the repository share compiled objects: paths are hashed relative to the source root.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
endif()

add_library(sardonyx_flags INTERFACE)
target_include_directories(sardonyx_flags INTERFACE ${PROJECT_SOURCE_DIR}
                                                    ${PROJECT_SOURCE_DIR}/include)
if(NOT MSVC)
  # No fast-math and no contraction anywhere: a fused multiply-add is written as one (MulAdd) or it
  # is none, so that the compiler cannot make two tiers, or two builds, differ.
  target_compile_options(sardonyx_flags INTERFACE -Wall -Wextra -ffp-contract=off)
  # g++ 12 sees an empty std::optional as uninitialised once it is inlined.
  target_compile_options(sardonyx_flags
                         INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # A Highway region without a function of its own, only a table, is no mistake.
  target_compile_options(sardonyx_flags INTERFACE
                         $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-pragma-clang-attribute>)
  if(SARDONYX_WERROR)
    target_compile_options(sardonyx_flags INTERFACE -Werror)
  endif()
endif()

# The floor of the instruction set; everything above it is a Highway tier chosen at run time.
if(NOT MSVC AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  target_compile_options(sardonyx_flags INTERFACE -march=x86-64-v2)
endif()

if(SARDONYX_SANITIZE)
  target_compile_options(sardonyx_flags INTERFACE -fsanitize=${SARDONYX_SANITIZE}
                                                  -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sardonyx_flags INTERFACE -fsanitize=${SARDONYX_SANITIZE})
endif()
# For what takes enums from programs in C, which may pass any number; it is checked like any
# argument. To be linked after sardonyx_flags: the last option counts.
add_library(sardonyx_c_enums INTERFACE)
if(SARDONYX_SANITIZE MATCHES undefined)
  target_compile_options(sardonyx_c_enums INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=enum>)
endif()
if(SARDONYX_FUZZ)
  target_compile_options(sardonyx_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
