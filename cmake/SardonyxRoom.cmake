# sardonyx_room(<name> <room>...): a static library of every .cc file below <name>/, linked with the
# named rooms. A room without sources is an interface library, so that a new room can be listed
# before its first file exists.

function(sardonyx_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cc)
  if(sources)
    add_library(sardonyx_${name} STATIC ${sources})
    set(visibility PUBLIC)
  else()
    add_library(sardonyx_${name} INTERFACE)
    set(visibility INTERFACE)
  endif()
  list(TRANSFORM ARGN PREPEND sardonyx_ OUTPUT_VARIABLE rooms)
  target_link_libraries(sardonyx_${name} ${visibility} ${rooms} sardonyx_flags sardonyx_parts)
endfunction()
