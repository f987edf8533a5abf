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

# testkase_embed_assets(TARGET): server/openapi.json and the files of server/web that are served → server/web_assets.c.
function(testkase_embed_assets target)
  file(GLOB files CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/server/openapi.json ${PROJECT_SOURCE_DIR}/server/web/*.html ${PROJECT_SOURCE_DIR}/server/web/*.css
    ${PROJECT_SOURCE_DIR}/server/web/*.js ${PROJECT_SOURCE_DIR}/server/web/*.svg)
  set(out ${PROJECT_BINARY_DIR}/server/web_assets.c)
  string(REPLACE ";" "|" list "${files}")
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DFILES=${list} -DOUT=${out} -P ${PROJECT_SOURCE_DIR}/cmake/embed_assets.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed_assets.cmake
    COMMENT "Embedding the files of the pages" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
