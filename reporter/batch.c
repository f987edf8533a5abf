#include "reporter/batch.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/secret.h"
#include "reporter/buffer.h"
#include "reporter/duration.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CHUNK       65536
#define GZIP_WINDOW (15 + 16) /* zlib: with the header of gzip */
#define ITEM_MAX    65536     /* bytes of a result, all characters escaped */
/* A body is one line up to its results, one line for each result, and a last line: so it can be split. */
#define BODY_END "\n]}"

struct batch_writer {
    const struct batch_target *target;
    struct json_writer *json;
    z_stream gzip;
    bool is_open;
    struct buffer bytes; /* compressed */
    size_t plain, results;
};

/* --- compressing --- */

static void
deflate_all(z_stream *gzip, const char *bytes, size_t length, int flush, struct buffer *out)
{
    unsigned char chunk[CHUNK];
    /* zlib does not change it, but has no const there by default. */
    gzip->next_in = (unsigned char *)(uintptr_t)bytes;
    gzip->avail_in = (unsigned)length;
    do {
        gzip->next_out = chunk;
        gzip->avail_out = sizeof(chunk);
        if (deflate(gzip, flush) == Z_STREAM_ERROR) {
            log_fatal("zlib refuses to compress", 0);
        }
        buffer_append(out, (const char *)chunk, sizeof(chunk) - gzip->avail_out);
    } while (gzip->avail_out == 0);
}

static void
begin_gzip(z_stream *gzip)
{
    *gzip = (z_stream){ 0 };
    if (deflateInit2(gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        log_out_of_memory();
    }
}

static struct batch *
new_batch(struct buffer *bytes, size_t results)
{
    struct batch *batch = memory_new(1, sizeof(*batch));
    secret_random_base62(batch->key, BATCH_KEY_LENGTH);
    batch->results = results;
    batch->bytes = bytes->bytes;
    batch->length = bytes->length;
    *bytes = (struct buffer){ 0 };
    return batch;
}

/* --- writing --- */

static void
put(struct batch_writer *writer, const char *bytes, size_t length)
{
    writer->plain += length;
    deflate_all(&writer->gzip, bytes, length, Z_NO_FLUSH, &writer->bytes);
}

static void
optional_member(struct json_writer *json, const char *key, const char *text)
{
    if (text) {
        json_text_member(json, key, text);
    }
}

static void
write_build(struct json_writer *json, const struct ci_build *build)
{
    json_key(json, "build");
    json_open_object(json);
    optional_member(json, "id", build->id);
    optional_member(json, "number", build->number);
    optional_member(json, "url", build->url);
    optional_member(json, "branch", build->branch);
    optional_member(json, "commit", build->commit);
    optional_member(json, "provider", ci_name(build->provider));
    json_close_object(json);
}

static void
begin_batch(struct batch_writer *writer)
{
    static const char results[] = ",\"results\":[\n";
    size_t length;
    writer->plain = writer->results = 0;
    writer->is_open = true;
    begin_gzip(&writer->gzip);
    json_writer_reset(writer->json);
    json_open_object(writer->json);
    json_integer_member(writer->json, "orgId", writer->target->org_id);
    json_text_member(writer->json, "projectId", writer->target->project_id);
    json_text_member(writer->json, "cycleId", writer->target->cycle_id);
    if (writer->target->is_dry_run) {
        json_boolean_member(writer->json, "dryRun", true);
    }
    if (writer->target->build->id) {
        write_build(writer->json, writer->target->build);
    }
    json_close_object(writer->json);
    const char *bytes = json_writer_bytes(writer->json, &length);
    put(writer, bytes, length - 1); /* without its brace */
    put(writer, results, sizeof(results) - 1);
}

struct batch_writer *
batch_writer_new(const struct batch_target *target)
{
    struct batch_writer *writer = memory_new(1, sizeof(*writer));
    writer->target = target;
    writer->json = json_writer_new();
    return writer;
}

bool
batch_writer_is_full(const struct batch_writer *writer)
{
    return writer->is_open &&
           (writer->results == BATCH_RESULTS_MAX || writer->plain + ITEM_MAX > BATCH_BYTES_MAX);
}

void
batch_writer_add(struct batch_writer *writer, const struct merged *merged, const char *status)
{
    char id[IDS_TEXT_SIZE];
    size_t length;
    if (!writer->is_open) {
        begin_batch(writer);
    }
    ids_write(merged->id, id);
    json_writer_reset(writer->json);
    json_open_object(writer->json);
    json_text_member(writer->json, "automationId", id);
    json_text_member(writer->json, "status", status);
    json_text_member(writer->json, "name", merged->name);
    if (merged->duration_ms != DURATION_NONE) {
        json_integer_member(writer->json, "durationMs",
                            merged->duration_ms < INT32_MAX ? merged->duration_ms : INT32_MAX);
    }
    optional_member(writer->json, "message", merged->message);
    json_close_object(writer->json);
    if (writer->results++ > 0) {
        put(writer, ",\n", 2);
    }
    const char *bytes = json_writer_bytes(writer->json, &length);
    put(writer, bytes, length);
}

struct batch *
batch_writer_take(struct batch_writer *writer)
{
    if (!writer->is_open) {
        return NULL;
    }
    deflate_all(&writer->gzip, BODY_END, sizeof(BODY_END) - 1, Z_FINISH, &writer->bytes);
    deflateEnd(&writer->gzip);
    writer->is_open = false;
    return new_batch(&writer->bytes, writer->results);
}

void
batch_writer_free(struct batch_writer *writer)
{
    if (writer->is_open) {
        deflateEnd(&writer->gzip);
    }
    buffer_free(&writer->bytes);
    json_writer_free(writer->json);
    free(writer);
}

/* --- splitting --- */

static bool
inflate_all(const struct batch *batch, struct buffer *plain)
{
    z_stream gzip = { 0 };
    unsigned char chunk[CHUNK];
    int status = Z_OK;
    if (inflateInit2(&gzip, GZIP_WINDOW) != Z_OK) {
        log_out_of_memory();
    }
    gzip.next_in = (unsigned char *)batch->bytes;
    gzip.avail_in = (unsigned)batch->length;
    plain->limit = 2 * BATCH_BYTES_MAX;
    while (status == Z_OK && !plain->is_cut) {
        gzip.next_out = chunk;
        gzip.avail_out = sizeof(chunk);
        status = inflate(&gzip, Z_NO_FLUSH);
        buffer_append(plain, (const char *)chunk, sizeof(chunk) - gzip.avail_out);
    }
    inflateEnd(&gzip);
    return status == Z_STREAM_END && !plain->is_cut;
}

/* A batch of the head and some of the lines. */
static struct batch *
batch_of_lines(const char *head, size_t head_length, const char *lines, size_t length, size_t results)
{
    struct buffer bytes = { 0 };
    z_stream gzip;
    if (length > 0 && lines[length - 1] == ',') {
        length--;
    }
    begin_gzip(&gzip);
    deflate_all(&gzip, head, head_length, Z_NO_FLUSH, &bytes);
    deflate_all(&gzip, lines, length, Z_NO_FLUSH, &bytes);
    deflate_all(&gzip, BODY_END, sizeof(BODY_END) - 1, Z_FINISH, &bytes);
    deflateEnd(&gzip);
    return new_batch(&bytes, results);
}

/* The end of the line number `count` (from 1) at `text`: its line feed; NULL when there are fewer lines. */
static const char *
end_of_line(const char *text, size_t count)
{
    const char *end = strchr(text, '\n');
    for (size_t i = 1; i < count && end; i++) {
        end = strchr(end + 1, '\n');
    }
    return end;
}

bool
batch_split(const struct batch *batch, struct batch **ret_first, struct batch **ret_second)
{
    struct buffer plain = { 0 };
    size_t half = batch->results / 2;
    bool is_split = false;
    if (half > 0 && inflate_all(batch, &plain)) {
        const char *text = buffer_text(&plain), *head = end_of_line(text, 1);
        const char *middle = head ? end_of_line(head + 1, half) : NULL;
        const char *end = middle ? end_of_line(middle + 1, batch->results - half) : NULL;
        if (end) {
            size_t head_length = (size_t)(head + 1 - text);
            *ret_first = batch_of_lines(text, head_length, head + 1, (size_t)(middle - head - 1), half);
            *ret_second = batch_of_lines(text, head_length, middle + 1, (size_t)(end - middle - 1),
                                         batch->results - half);
            is_split = true;
        }
    }
    buffer_free(&plain);
    return is_split;
}

void
batch_free(struct batch *batch)
{
    if (batch) {
        free(batch->bytes);
        free(batch);
    }
}
