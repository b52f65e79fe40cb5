# The Python module sardonyx._sardonyx, laid out in <build>/python so that PYTHONPATH=<build>/python
# imports it. Python is -DPython_EXECUTABLE, else the one of .venv, else the one on PATH.

file(GLOB_RECURSE binding_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/*.cc)
if(NOT binding_sources)
  return()
endif()
if(NOT Python_EXECUTABLE AND EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  set(Python_EXECUTABLE ${PROJECT_SOURCE_DIR}/.venv/bin/python)
endif()
find_package(Python 3.9 COMPONENTS Interpreter Development.Module)
if(NOT Python_FOUND)
  message(STATUS "sardonyx: no Python headers, so no Python module")
  return()
endif()
execute_process(COMMAND ${Python_EXECUTABLE} -c "import numpy; print(numpy.get_include())"
                OUTPUT_VARIABLE numpy_include OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT EXISTS ${numpy_include}/numpy/arrayobject.h)
  message(STATUS "sardonyx: no NumPy in ${Python_EXECUTABLE}, so no Python module")
  return()
endif()
execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir OUTPUT_VARIABLE nanobind_ROOT
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
find_package(nanobind CONFIG QUIET)
if(NOT nanobind_FOUND)
  message(STATUS "sardonyx: no nanobind in ${Python_EXECUTABLE}, so no Python module")
  return()
endif()

set(python_dir ${PROJECT_BINARY_DIR}/python/sardonyx)
nanobind_add_module(sardonyx_python NB_STATIC FREE_THREADED ${binding_sources})
set_target_properties(sardonyx_python PROPERTIES OUTPUT_NAME _sardonyx
                                                  LIBRARY_OUTPUT_DIRECTORY ${python_dir})
target_link_libraries(sardonyx_python PRIVATE sardonyx_api sardonyx_capi)
target_include_directories(sardonyx_python SYSTEM PRIVATE ${numpy_include})

# The .py files beside it, copied when they change.
file(GLOB_RECURSE module_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/sardonyx/*.py
     ${PROJECT_SOURCE_DIR}/python/sardonyx/py.typed ${PROJECT_SOURCE_DIR}/python/sardonyx/*.egg-info)
set(copies)
foreach(file IN LISTS module_files)
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/python/sardonyx ${file})
  add_custom_command(OUTPUT ${python_dir}/${name} DEPENDS ${file} VERBATIM
                     COMMAND ${CMAKE_COMMAND} -E copy ${file} ${python_dir}/${name})
  list(APPEND copies ${python_dir}/${name})
endforeach()
add_custom_target(sardonyx_python_files ALL DEPENDS ${copies})

# Types of the binding for editors and type checkers.
nanobind_add_stub(sardonyx_stub MODULE _sardonyx OUTPUT ${python_dir}/_sardonyx.pyi
                  PYTHON_PATH ${python_dir} INCLUDE_PRIVATE DEPENDS sardonyx_python)

install(TARGETS sardonyx_python LIBRARY DESTINATION sardonyx COMPONENT python)
install(FILES ${python_dir}/_sardonyx.pyi DESTINATION sardonyx COMPONENT python)
