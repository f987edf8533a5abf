#include "admin/schema.h"
#include "common/memory.h"
#include "common/migrations.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The records of a database that has had every migration, and room for one more. */
static struct schema_record *
all_applied(void)
{
    struct schema_record *records = memory_new((size_t)migration_count + 1, sizeof(*records));
    for (int i = 0; i < migration_count; i++) {
        records[i] = (struct schema_record){ migrations[i].version, migrations[i].name,
                                             migrations[i].checksum, i + 1 };
    }
    return records;
}

static void
same_is_current_and_fewer_is_behind(void **state)
{
    (void)state;
    struct schema_record *records = all_applied();
    char line[512] = "untouched";
    assert_int_equal(schema_compare(records, migration_count, line, sizeof(line)), SCHEMA_CURRENT);
    assert_int_equal(schema_compare(records, migration_count - 1, line, sizeof(line)), SCHEMA_BEHIND);
    assert_int_equal(schema_compare(records, 0, line, sizeof(line)), SCHEMA_BEHIND);
    assert_string_equal(line, "untouched");
    free(records);
}

static void
one_more_is_newer(void **state)
{
    (void)state;
    struct schema_record *records = all_applied();
    char line[512] = "";
    records[migration_count] =
        (struct schema_record){ migration_count + 1, "future", "00", migration_count + 1 };
    assert_int_equal(schema_compare(records, migration_count + 1, line, sizeof(line)), SCHEMA_NEWER);
    assert_non_null(strstr(line, "install the newer release"));
    free(records);
}

static void
one_more_that_works_with_this_program_is_ahead(void **state)
{
    (void)state;
    struct schema_record *records = all_applied();
    char line[512] = "untouched";
    records[migration_count] = (struct schema_record){ migration_count + 1, "future", "00", migration_count };
    assert_int_equal(schema_compare(records, migration_count + 1, line, sizeof(line)), SCHEMA_AHEAD);
    assert_string_equal(line, "untouched");
    records[0].checksum = "";
    assert_int_equal(schema_compare(records, migration_count + 1, line, sizeof(line)), SCHEMA_CHANGED);
    free(records);
}

static void
another_checksum_or_name_is_changed(void **state)
{
    (void)state;
    struct schema_record *records = all_applied();
    char line[512] = "";
    records[1].checksum = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_int_equal(schema_compare(records, migration_count, line, sizeof(line)), SCHEMA_CHANGED);
    assert_non_null(strstr(line, "migration 0002_"));
    assert_non_null(strstr(line, "000000000000…"));
    records[1].checksum = migrations[1].checksum;
    records[2].name = "renamed";
    assert_int_equal(schema_compare(records, 3, line, sizeof(line)), SCHEMA_CHANGED);
    assert_non_null(strstr(line, "recorded: renamed"));
    free(records);
}

static void
gap_is_changed(void **state)
{
    (void)state;
    struct schema_record *records = all_applied();
    char line[512] = "", label[SCHEMA_LABEL_SIZE];
    records[1] = records[2];
    schema_label(2, label);
    assert_int_equal(schema_compare(records, 2, line, sizeof(line)), SCHEMA_CHANGED);
    assert_non_null(strstr(line, "lacks"));
    assert_non_null(strstr(line, label));
    free(records);
}

static void
change_counts_more_than_newness(void **state)
{
    (void)state;
    struct schema_record *records = all_applied();
    char line[512] = "";
    records[0].checksum = "";
    records[migration_count] =
        (struct schema_record){ migration_count + 1, "future", "00", migration_count + 1 };
    assert_int_equal(schema_compare(records, migration_count + 1, line, sizeof(line)), SCHEMA_CHANGED);
    free(records);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_is_current_and_fewer_is_behind),
        cmocka_unit_test(one_more_is_newer),
        cmocka_unit_test(one_more_that_works_with_this_program_is_ahead),
        cmocka_unit_test(another_checksum_or_name_is_changed),
        cmocka_unit_test(gap_is_changed),
        cmocka_unit_test(change_counts_more_than_newness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
