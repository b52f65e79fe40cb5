# cmake --install: the library, its headers, the CMake package `sardonyx`, the command line.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sardonyx)

target_include_directories(sardonyx INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(sardonyx INTERFACE cxx_std_20)
install(TARGETS sardonyx EXPORT sardonyxTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT library)
target_link_libraries(sardonyx INTERFACE $<INSTALL_INTERFACE:tl::expected>)

install(CODE "set(SOURCE_DIR [[${PROJECT_SOURCE_DIR}]])
set(INCLUDE_DIR [[${CMAKE_INSTALL_INCLUDEDIR}]])" COMPONENT library)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/install_headers.cmake COMPONENT library)
install(EXPORT sardonyxTargets NAMESPACE sardonyx:: DESTINATION ${package_dir} COMPONENT library)
set(config ${PROJECT_BINARY_DIR}/sardonyxConfig.cmake)
set(config_version ${PROJECT_BINARY_DIR}/sardonyxConfigVersion.cmake)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sardonyxConfig.cmake.in ${config}
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${config_version} COMPATIBILITY SameMinorVersion)
install(FILES ${config} ${config_version}
        DESTINATION ${package_dir} COMPONENT library)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)

if(TARGET sardonyx_cli)
  install(TARGETS sardonyx_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT cli)
endif()
