#include "server/request/row.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scripted_db.h"

/* scripted_db.h: "id" is a number, "is…" a boolean, "json" json. */
static void
test_a_row_is_written_by_its_columns(void **state)
{
    (void)state;
    static const char *const names[] = { "outcome", "id", "isOwner", "json", "name", "cursor", "batch" };
    const char *cells[] = { "done", "7",  "t",  "{\"a\":[1]}", "A \"b\"", "9",  "1",
                            "done", NULL, NULL, NULL,          NULL,      NULL, "1" };
    const struct db_result result = { .rows = 2, .columns = 7, .names = names, .cells = cells };
    struct json_writer *writer = json_writer_new();
    struct row_shape shape;
    size_t length;
    row_shape_read(&shape, &result);
    json_open_array(writer);
    row_write(writer, &shape, 0);
    row_write(writer, &shape, 1);
    json_close_array(writer);
    static const char expected[] =
        "[{\"id\":7,\"isOwner\":true,\"json\":{\"a\":[1]},\"name\":\"A \\\"b\\\"\"},"
        "{\"id\":null,\"isOwner\":null,\"json\":null,\"name\":null}]";
    const char *bytes = json_writer_bytes(writer, &length);
    assert_int_equal(length, sizeof(expected) - 1);
    assert_memory_equal(bytes, expected, length);
    json_writer_free(writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_is_written_by_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
