# libonnxruntime.so.1: the C ABI of ONNX Runtime over this library, for programs that were built for
# it. Same soname, same two symbols; each under the node of every version of ONNX Runtime, because a
# program linked to one asks for the version that it was linked to. It is built by default and
# installed on request: cmake --install <build> --component onnxruntime.

if(NOT TARGET sardonyx)
  return()
endif()
file(STRINGS ${PROJECT_SOURCE_DIR}/include/sardonyx/onnxruntime_c_types.h api_version
     REGEX "^#define ORT_API_VERSION ")
string(REGEX REPLACE "[^0-9]" "" api_version "${api_version}")

# Nodes VERS_1.<minor>.<patch> of all versions so far, and of patches to come.
set(patches 0 1 2 3 4 5)
set(newest VERS_1.${api_version}.0)
set(versions_map "${newest} { global: OrtGetApiBase;
  OrtSessionOptionsAppendExecutionProvider_CPU; local: *; };\n")
set(versions_inc "SYMBOL_VERSION(newest, \"@@${newest}\")\n")
foreach(minor RANGE 1 ${api_version})
  foreach(patch IN LISTS patches)
    if(NOT newest STREQUAL "VERS_1.${minor}.${patch}")
      string(APPEND versions_map "VERS_1.${minor}.${patch} {};\n")
      string(APPEND versions_inc
             "SYMBOL_VERSION(${minor}_${patch}, \"@VERS_1.${minor}.${patch}\")\n")
    endif()
  endforeach()
endforeach()
set(generated ${PROJECT_BINARY_DIR}/generated)
file(CONFIGURE OUTPUT ${generated}/onnxruntime/exports.map CONTENT "${versions_map}" @ONLY)
file(CONFIGURE OUTPUT ${generated}/onnxruntime/symbol_versions.inc CONTENT "${versions_inc}" @ONLY)

add_library(sardonyx_onnxruntime SHARED ${PROJECT_SOURCE_DIR}/capi/symbols.cc)
target_link_libraries(sardonyx_onnxruntime PRIVATE sardonyx_capi)
target_include_directories(sardonyx_onnxruntime INTERFACE ${PROJECT_SOURCE_DIR}/include/sardonyx)
set_target_properties(sardonyx_onnxruntime PROPERTIES OUTPUT_NAME onnxruntime SOVERSION 1
                                                      VERSION 1.${api_version}.0)
if(CMAKE_SYSTEM_NAME STREQUAL Linux)
  target_compile_definitions(sardonyx_onnxruntime PRIVATE SARDONYX_SYMBOL_VERSIONS)
  target_include_directories(sardonyx_onnxruntime PRIVATE ${generated})
  # Programs that load the library may close it; threads of the pool are in it until the end.
  target_link_options(sardonyx_onnxruntime PRIVATE -Wl,-z,nodelete
                      -Wl,--version-script=${generated}/onnxruntime/exports.map)
  set_target_properties(sardonyx_onnxruntime PROPERTIES LINK_DEPENDS ${generated}/onnxruntime/exports.map)
  if(NOT SARDONYX_SANITIZE)
    target_link_options(sardonyx_onnxruntime PRIVATE -Wl,--no-undefined)
  endif()
endif()

install(TARGETS sardonyx_onnxruntime
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT onnxruntime EXCLUDE_FROM_ALL
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT onnxruntime EXCLUDE_FROM_ALL)
file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/sardonyx/onnxruntime_*.h)
install(FILES ${headers} ${PROJECT_SOURCE_DIR}/include/sardonyx/cpu_provider_factory.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sardonyx COMPONENT onnxruntime EXCLUDE_FROM_ALL)
