# What a user receives: libsardonyx.so and the command line.

get_target_property(api_type sardonyx_api TYPE)
if(api_type STREQUAL STATIC_LIBRARY)
  # All of api/ and base/ goes in, because a program may ask for any of it; of the other rooms, what
  # those two need.
  add_library(sardonyx SHARED $<TARGET_OBJECTS:sardonyx_api> $<TARGET_OBJECTS:sardonyx_base>)
  get_target_property(api_rooms sardonyx_api LINK_LIBRARIES)
  target_link_libraries(sardonyx PRIVATE ${api_rooms})
  set_target_properties(sardonyx PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
  if(CMAKE_SYSTEM_NAME STREQUAL Linux)
    set(exports ${CMAKE_CURRENT_LIST_DIR}/exports.map)
    target_link_options(sardonyx PRIVATE -Wl,--version-script=${exports})
    set_target_properties(sardonyx PROPERTIES LINK_DEPENDS ${exports})
    if(NOT SARDONYX_SANITIZE)
      target_link_options(sardonyx PRIVATE -Wl,--no-undefined)
    endif()
  endif()
endif()

file(GLOB_RECURSE cli_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/cli/*.cc)
if(SARDONYX_CLI AND cli_sources)
  find_package(CLI11 REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(PNG REQUIRED)
  find_package(JPEG REQUIRED)
  add_executable(sardonyx_cli ${cli_sources})
  set_target_properties(sardonyx_cli PROPERTIES OUTPUT_NAME sardonyx)
  target_link_libraries(sardonyx_cli PRIVATE sardonyx_api CLI11::CLI11
                                             nlohmann_json::nlohmann_json PNG::PNG JPEG::JPEG)
endif()
