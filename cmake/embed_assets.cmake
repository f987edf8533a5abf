# Run with -P: writes OUT, the table behind server/web/assets.h, from FILES (paths below ROOT, separated by "|"), OPENAPI, the
# bundles, and the sprite icons.svg: the icons of ICONS (a folder of SVG files) that ROOT/icons.txt names, and ROOT/mark.svg.
# BUNDLES (some of FILES) are scripts and style sheets that import others: the program ESBUILD makes one file of each, which takes
# the place of all files of its folder. WORK is a folder for what is made on the way. Needs gzip.
#
# One hash over the names and contents of all files is part of the address of each, so that a browser may keep a file for ever.
# It replaces @HASH@ in HTML. Files are sorted, and nothing depends on the machine, so equal sources give an equal table.
cmake_policy(VERSION 3.25)
set(types
  "html=text/html\; charset=utf-8" "css=text/css\; charset=utf-8" "js=text/javascript\; charset=utf-8"
  "svg=image/svg+xml" "json=application/json")
set(licence "Bootstrap Icons, (c) 2019-2021 The Bootstrap Authors, MIT (https://icons.getbootstrap.com)")

# --- the sprite ---

# Appends a file's drawing to `sprite`, as a symbol of that name.
function(add_symbol name file)
  file(READ "${file}" text)
  if(NOT "${text}" MATCHES "<svg[^>]* viewBox=\"([-0-9. ]+)\"[^>]*>(.*)</svg>")
    message(FATAL_ERROR "${file}: no <svg> with a viewBox")
  endif()
  set(box "${CMAKE_MATCH_1}")
  string(REGEX REPLACE "[\r\n]+[ \t]*" "" drawing "${CMAKE_MATCH_2}")
  string(STRIP "${drawing}" drawing)
  string(APPEND sprite "<symbol id=\"${name}\" viewBox=\"${box}\" fill=\"currentColor\">${drawing}</symbol>\n")
  set(sprite "${sprite}" PARENT_SCOPE)
endfunction()

function(write_sprite out)
  set(sprite "<svg xmlns=\"http://www.w3.org/2000/svg\">\n<!-- ${licence} -->\n")
  file(STRINGS "${ROOT}/icons.txt" lines)
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "#.*" "" name "${line}")
    string(STRIP "${name}" name)
    if(name STREQUAL "")
      continue()
    endif()
    if(NOT name MATCHES "^[a-z0-9-]+$" OR NOT EXISTS "${ICONS}/${name}.svg")
      message(FATAL_ERROR "${ROOT}/icons.txt names the icon \"${name}\", but there is no ${ICONS}/${name}.svg; the icons are "
                          "those of the Debian package bootstrap-icons")
    endif()
    if("${sprite}" MATCHES "<symbol id=\"${name}\"")
      message(FATAL_ERROR "${ROOT}/icons.txt names the icon \"${name}\" twice")
    endif()
    add_symbol(${name} "${ICONS}/${name}.svg")
  endforeach()
  add_symbol(mark "${ROOT}/mark.svg")
  file(WRITE "${out}" "${sprite}</svg>\n")
endfunction()

# --- the bundles ---

# Writes each bundle below `folder`. Its target is the language that the modules are written in: every browser that has popovers,
# which the page needs (Chromium 114, Firefox 125, Safari 17), has all of ES2022, so esbuild rewrites nothing for older ones, and
# its minifier uses nothing newer. Files below /assets/ are named, never put inline: the policy of the pages forbids data: URLs.
function(write_bundles folder)
  execute_process(
    COMMAND "${ESBUILD}" ${ARGN} --bundle --minify --format=esm --target=es2022 --charset=utf8 --legal-comments=none
            "--external:/assets/*" --log-level=warning --color=false --outbase=. "--outdir=${folder}"
    WORKING_DIRECTORY "${ROOT}" RESULT_VARIABLE status ERROR_VARIABLE error)
  if(NOT status EQUAL 0 OR NOT error STREQUAL "")
    list(JOIN ARGN ", " names)
    message(FATAL_ERROR "esbuild cannot bundle ${names}: ${status}\n${error}")
  endif()
endfunction()

# --- the table ---

function(find_type file ret_type)
  get_filename_component(ending "${file}" LAST_EXT)
  string(SUBSTRING "${ending}" 1 -1 ending)
  foreach(pair IN LISTS types)
    if("${pair}" MATCHES "^${ending}=(.*)$")
      set(${ret_type} "${CMAKE_MATCH_1}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${file}: its extension has no content type here")
endfunction()

# Appends a file's bytes to `source` as the array `symbol`; sets the initializer of its struct asset_form.
function(add_form symbol file ret_form)
  file(READ "${file}" hex HEX)
  string(LENGTH "${hex}" length)
  math(EXPR length "${length} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  file(SHA256 "${file}" digest)
  string(SUBSTRING ${digest} 0 32 digest)
  set(source "${source}static const unsigned char ${symbol}[] = {${bytes}0};\n" PARENT_SCOPE)
  set(${ret_form} "{ \"\\\"${digest}\\\"\", ${symbol}, ${length} }" PARENT_SCOPE)
endfunction()

function(compress file out)
  execute_process(COMMAND gzip -9nc INPUT_FILE "${file}" OUTPUT_FILE "${out}" RESULT_VARIABLE status ERROR_VARIABLE error)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "gzip cannot compress ${file}: ${status} ${error}")
  endif()
endfunction()

# Pages and the description of the API have addresses of their own; of a page, the table has only the name.
function(find_path name ret_path)
  set(path "/assets/${hash}/${name}")
  if(name MATCHES "\\.html$")
    set(path "${name}")
  elseif(name STREQUAL "openapi.json")
    set(path "/openapi.json")
  endif()
  set(${ret_path} "${path}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
write_sprite("${WORK}/icons.svg")

string(REPLACE "|" ";" files "${FILES}")
string(REPLACE "|" ";" bundles "${BUNDLES}")
foreach(file IN LISTS files)
  set(file_of_${file} "${ROOT}/${file}")
endforeach()
if(bundles)
  write_bundles("${WORK}/bundles" ${bundles})
endif()
foreach(bundle IN LISTS bundles)
  get_filename_component(folder "${bundle}" DIRECTORY)
  list(FILTER files EXCLUDE REGEX "^${folder}/")
  list(APPEND files "${bundle}")
  set(file_of_${bundle} "${WORK}/bundles/${bundle}")
endforeach()
set("file_of_icons.svg" "${WORK}/icons.svg")
set("file_of_openapi.json" "${OPENAPI}")
list(APPEND files icons.svg openapi.json)
list(SORT files)

set(digests "")
foreach(file IN LISTS files)
  file(SHA256 "${file_of_${file}}" digest)
  string(APPEND digests "${file} ${digest}\n")
endforeach()
string(SHA256 hash "${digests}")
string(SUBSTRING ${hash} 0 16 hash)

set(source "/* Generated from server/web and server/openapi.json. */\n#include \"server/web/assets.h\"\n\n")
set(paths "")
set(count 0)
foreach(file IN LISTS files)
  find_path("${file}" path)
  find_type("${file}" type)
  set(plain "${file_of_${file}}")
  if(file MATCHES "\\.html$")
    file(READ "${plain}" text)
    string(REPLACE "@HASH@" "${hash}" text "${text}")
    set(plain "${WORK}/plain")
    file(WRITE "${plain}" "${text}")
  endif()
  compress("${plain}" "${WORK}/gzip")
  file(SIZE "${plain}" plain_size)
  file(SIZE "${WORK}/gzip" gzip_size)
  add_form(plain_${count} "${plain}" form)
  set(packed_form "{ NULL, NULL, 0 }")
  if(gzip_size LESS plain_size)
    add_form(gzip_${count} "${WORK}/gzip" packed_form)
  endif()
  list(APPEND paths "${path}")
  set("row_of_${path}" "    { \"${path}\", \"${type}\", ${form}, ${packed_form} },\n")
  math(EXPR count "${count} + 1")
endforeach()

# By path, since asset_find() searches by halves.
list(SORT paths)
string(APPEND source "\nconst struct asset assets[] = {\n")
foreach(path IN LISTS paths)
  string(APPEND source "${row_of_${path}}")
endforeach()
string(APPEND source "};\nconst size_t assets_count = ${count};\n")
file(WRITE "${OUT}" "${source}")
