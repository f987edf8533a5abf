# testkase-reporter alone, as one static file: from Debian's archives, and the libcurl in TESTKASE_CURL, which
# deploy/reporter-static.sh has built.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
set(PKG_CONFIG_ARGN --static)
set(ENV{PKG_CONFIG_PATH} ${TESTKASE_CURL}/lib/pkgconfig)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
find_library(TESTKASE_YAJL yajl_s REQUIRED)

# What the reporter uses of common; the rest needs libraries that have no archives.
set(names clock json log memory pasted_secret retry secret text token)
list(TRANSFORM names PREPEND ${PROJECT_SOURCE_DIR}/common/)
list(TRANSFORM names APPEND .c OUTPUT_VARIABLE sources)
add_library(testkase_common STATIC ${sources})
target_link_libraries(testkase_common PUBLIC testkase_flags PkgConfig::SODIUM PkgConfig::ZLIB ${TESTKASE_YAJL})

# The file depends on the sources and not on where they are. A build id would depend on it, by the debug information.
target_compile_options(testkase_flags INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
target_link_options(testkase_flags INTERFACE -Wl,--build-id=none)
set(CMAKE_C_LINK_OPTIONS_PIE -static-pie)
add_subdirectory(reporter)
