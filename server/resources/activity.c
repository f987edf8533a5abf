#include "server/resources/activity.h"
#include "server/request/page.h"
#include <string.h>

#define SINCE_SIZE 36

static void
write_row(struct json_writer *writer, const struct db_result *result, int row)
{
    json_open_object(writer);
    json_text_member(writer, "hour", db_text(result, row, 1));
    json_text_member(writer, "ip", db_text(result, row, 2));
    json_text_member(writer, "client", db_text(result, row, 3));
    json_text_member(writer, "method", db_text(result, row, 4));
    json_text_member(writer, "route", db_text(result, row, 5));
    json_integer_member(writer, "status", db_int64(result, row, 6));
    json_integer_member(writer, "calls", db_int64(result, row, 7));
    json_close_object(writer);
}

static enum step_result
refuse_since(struct request *request)
{
    request_field_error(request, "since", "must be a time such as 2030-01-31T09:00:00Z");
    return request_refuse_fields(request);
}

/* Days and hours that no calendar has are PostgreSQL's to refuse: class 22, data exception. */
static enum step_result
listed(struct request *request)
{
    if (db_status(request->result) == DB_REFUSED && strncmp(db_sqlstate(request->result), "22", 2) == 0) {
        return refuse_since(request);
    }
    return list_answer(request, 0, write_row);
}

/* RFC 3339 §5.6, in UTC. */
static bool
is_time(const char *text)
{
    static const char pattern[] = "dddd-dd-ddTdd:dd:dd";
    size_t i = 0;
    for (; pattern[i]; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == 'd' ? !is_digit : text[i] != pattern[i]) {
            return false;
        }
    }
    if (text[i] == '.') {
        i += 1 + strspn(text + i + 1, "0123456789");
    }
    return strcmp(text + i, "Z") == 0 && text[i - 1] != '.';
}

static enum step_result
found(struct request *request)
{
    struct list_page page;
    char since[SINCE_SIZE], user[DB_NUMBER_SIZE], key[DB_NUMBER_SIZE];
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->result) == 0) {
        return request_refuse(request, PROBLEM_NOT_FOUND, NULL);
    }
    int given = request_parameter(request, "since", since, sizeof(since));
    if (given < 0 || !list_page_read(request, &page)) {
        return STEP_DONE;
    }
    const struct db_value values[] = { db_number(user, request->caller->user_id),
                                       db_number(key, request->path_id), DB_TEXT(given ? since : NULL),
                                       page.cursor, page.count };
    request_then(request, listed);
    return request_query(request, QUERY_USAGE_LIST, values);
}

enum step_result
activity_list(struct request *request)
{
    struct list_page page;
    char since[SINCE_SIZE], user[DB_NUMBER_SIZE], key[DB_NUMBER_SIZE];
    int given = request_parameter(request, "since", since, sizeof(since));
    if (given < 0 || !list_page_read(request, &page)) {
        return STEP_DONE;
    }
    if (given && !is_time(since)) {
        return refuse_since(request);
    }
    const struct db_value values[] = { db_number(user, request->caller->user_id),
                                       db_number(key, request->path_id) };
    request_then(request, found);
    return request_query(request, QUERY_API_KEYS_GET, values);
}
