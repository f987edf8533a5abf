#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/batch.h"
#include "reporter/duration.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static char *
inflated(const struct batch *batch)
{
    static char plain[1 << 20];
    z_stream gzip = { 0 };
    assert_int_equal(inflateInit2(&gzip, 31), Z_OK);
    gzip.next_in = (unsigned char *)batch->bytes;
    gzip.avail_in = (unsigned)batch->length;
    gzip.next_out = (unsigned char *)plain;
    gzip.avail_out = sizeof(plain) - 1;
    assert_int_equal(inflate(&gzip, Z_FINISH), Z_STREAM_END);
    plain[gzip.total_out] = '\0';
    inflateEnd(&gzip);
    return plain;
}

static struct batch *
make(size_t results)
{
    static const struct ci_build none = { 0 };
    const struct batch_target target = { 1173, "PRJ-1", "TCYCLE-1", &none, false };
    struct batch_writer *writer = batch_writer_new(&target);
    assert_null(batch_writer_take(writer));
    for (size_t i = 0; i < results; i++) {
        struct merged merged = { .id = (int)i, .name = "a\nb", .duration_ms = i ? DURATION_NONE : 5 };
        assert_false(batch_writer_is_full(writer));
        batch_writer_add(writer, &merged, "pass");
    }
    struct batch *batch = batch_writer_take(writer);
    batch_writer_free(writer);
    return batch;
}

#define HEAD     "{\"orgId\":1173,\"projectId\":\"PRJ-1\",\"cycleId\":\"TCYCLE-1\",\"results\":[\n"
#define ITEM(id) "{\"automationId\":\"" id "\",\"status\":\"pass\",\"name\":\"a\\nb\"}"

static void
body(void **state)
{
    (void)state;
    struct batch *batch = make(2);
    assert_int_equal(batch->results, 2);
    assert_int_equal(strlen(batch->key), BATCH_KEY_LENGTH);
    assert_string_equal(inflated(batch),
                        HEAD "{\"automationId\":\"00000\",\"status\":\"pass\",\"name\":\"a\\nb\","
                             "\"durationMs\":5},\n" ITEM("00001") "\n]}");
    batch_free(batch);
}

static void
halves(void **state)
{
    (void)state;
    struct batch *batch = make(4), *first, *second, *third, *fourth;
    assert_true(batch_split(batch, &first, &second));
    assert_string_equal(inflated(second), HEAD ITEM("00002") ",\n" ITEM("00003") "\n]}");
    assert_int_equal(first->results, 2);
    assert_string_not_equal(first->key, second->key);
    assert_string_not_equal(first->key, batch->key);
    assert_true(batch_split(second, &third, &fourth));
    assert_string_equal(inflated(third), HEAD ITEM("00002") "\n]}");
    assert_string_equal(inflated(fourth), HEAD ITEM("00003") "\n]}");
    assert_false(batch_split(third, &first, &second));
    fourth->results = 8; /* damaged */
    assert_false(batch_split(fourth, &first, &second));
    batch_free(batch);
    batch_free(first);
    batch_free(second);
    batch_free(third);
    batch_free(fourth);
    batch_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(body), cmocka_unit_test(halves) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
