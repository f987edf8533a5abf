# Embeds files in the programs: SQL queries, migrations, word lists, pages. The scripts embed_*.cmake run at build time, so a
# changed file rebuilds the programs that contain it.

# testkase_embed_queries(TARGET): sql/queries/<resource>/<name>.sql → common/queries.{h,c} in the build folder.
function(testkase_embed_queries target)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sql/queries/*.sql)
  set(out ${PROJECT_BINARY_DIR}/common/queries)
  add_custom_command(
    OUTPUT ${out}.h ${out}.c
    COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR}/sql/queries -DOUT=${out}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_queries.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed_queries.cmake
    COMMENT "Embedding SQL queries" VERBATIM)
  target_sources(${target} PRIVATE ${out}.c ${out}.h)
endfunction()

# testkase_embed_migrations(TARGET): sql/migrations/NNNN_name.sql and sql/roles.sql → common/migrations_data.c.
function(testkase_embed_migrations target)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sql/migrations/*.sql)
  set(out ${PROJECT_BINARY_DIR}/common/migrations_data.c)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR}/sql/migrations -DOUT=${out}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_migrations.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed_migrations.cmake
    COMMENT "Embedding SQL migrations" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()

# testkase_embed_words(TARGET): common/common_passwords.txt, one word a line, sorted → common/common_passwords_data.c.
function(testkase_embed_words target)
  set(list ${PROJECT_SOURCE_DIR}/common/common_passwords.txt)
  set(out ${PROJECT_BINARY_DIR}/common/common_passwords_data.c)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DLIST=${list} -DOUT=${out} -P ${PROJECT_SOURCE_DIR}/cmake/embed_words.cmake
    DEPENDS ${list} ${PROJECT_SOURCE_DIR}/cmake/embed_words.cmake
    COMMENT "Embedding the list of common passwords" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()

# The icons that pages use are the package's; see testkase_embed_assets().
set(TESTKASE_ICONS /usr/share/bootstrap-icons/svg CACHE PATH "The icons of the Debian package bootstrap-icons")

# Makes one script and one style sheet of the many files that a page is written in.
find_program(TESTKASE_ESBUILD esbuild DOC "The program of the Debian package esbuild")

# testkase_embed_assets(TARGET): server/openapi.json, the files of server/web that are served, and the sprite of icons →
# server/web_assets.c. The list of files is part of the command, so a file that is removed also makes the table anew.
function(testkase_embed_assets target)
  if(NOT TESTKASE_ESBUILD)
    message(FATAL_ERROR "There is no program esbuild: install the Debian package esbuild, or set TESTKASE_ESBUILD")
  endif()
  if(NOT IS_DIRECTORY "${TESTKASE_ICONS}")
    message(FATAL_ERROR "There is no folder ${TESTKASE_ICONS}: install the Debian package bootstrap-icons, or set TESTKASE_ICONS")
  endif()
  set(root ${PROJECT_SOURCE_DIR}/server/web)
  set(openapi ${PROJECT_SOURCE_DIR}/server/openapi.json)
  file(GLOB_RECURSE files RELATIVE ${root} CONFIGURE_DEPENDS ${root}/*.html ${root}/*.css ${root}/*.js ${root}/*.svg)
  list(REMOVE_ITEM files mark.svg) # a part of the sprite
  list(TRANSFORM files PREPEND ${root}/ OUTPUT_VARIABLE sources)
  set(out ${PROJECT_BINARY_DIR}/server/web_assets)
  string(REPLACE ";" "|" list "${files}")
  add_custom_command(
    OUTPUT ${out}.c
    COMMAND ${CMAKE_COMMAND} -DROOT=${root} -DFILES=${list} -DBUNDLES=js/app.js|css/app.css -DOPENAPI=${openapi}
            -DICONS=${TESTKASE_ICONS} -DESBUILD=${TESTKASE_ESBUILD} -DWORK=${out} -DOUT=${out}.c
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_assets.cmake
    DEPENDS ${sources} ${openapi} ${root}/icons.txt ${root}/mark.svg ${PROJECT_SOURCE_DIR}/cmake/embed_assets.cmake
    COMMENT "Bundling and embedding the files of the pages" VERBATIM)
  target_sources(${target} PRIVATE ${out}.c)
endfunction()
