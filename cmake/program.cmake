# testkase_program(name): the folder NAME as the program testkase-NAME. Every .c of the folder belongs to the library
# testkase_NAME_parts, which tests can link, except for main.c.
function(testkase_program name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.c *.h)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  add_library(testkase_${name}_parts STATIC ${sources})
  target_link_libraries(testkase_${name}_parts PUBLIC testkase_common)

  add_executable(testkase-${name} main.c)
  target_link_libraries(testkase-${name} PRIVATE testkase_${name}_parts)
endfunction()
