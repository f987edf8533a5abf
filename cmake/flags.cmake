# One interface target that every library and program links: warnings, sanitizers, hardening.
add_library(testkase_flags INTERFACE)
target_compile_definitions(testkase_flags INTERFACE _GNU_SOURCE TESTKASE_VERSION="${PROJECT_VERSION}")
target_include_directories(testkase_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_options(testkase_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
  -Werror -fno-strict-aliasing -fno-common)

if(TESTKASE_SANITIZE)
  target_compile_options(testkase_flags INTERFACE
    -fsanitize=${TESTKASE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(testkase_flags INTERFACE -fsanitize=${TESTKASE_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(testkase_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero -g)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
    target_compile_options(testkase_flags INTERFACE -fcf-protection=full)
  endif()
  target_link_options(testkase_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

if(TESTKASE_COVERAGE)
  # Threads count at the same time; the programs are started in other folders than they were compiled in.
  target_compile_options(testkase_flags INTERFACE --coverage -fprofile-update=atomic -fprofile-abs-path)
  target_link_options(testkase_flags INTERFACE --coverage)
endif()
