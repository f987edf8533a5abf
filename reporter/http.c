#include "reporter/http.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/secret.h"
#include "reporter/clean.h"
#include "reporter/trust.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BODY_MAX         ((size_t)8 << 20)
#define CONNECT_MS       10000L
#define STALL_SECONDS    30L
#define RETRY_AFTER_MOST 86400

struct http {
    CURL *curl;
    const char *url;
    const char *token;
    struct trust trust;
    struct interrupt *interrupt;
    struct http_answer *answer; /* of the request in progress */
};

/* --- addresses --- */

static size_t
scheme_length(const char *url)
{
    if (strncasecmp(url, "https://", 8) == 0) {
        return 8;
    }
    return strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

const char *
http_url_refusal(const char *url)
{
    size_t scheme = scheme_length(url);
    if (!scheme) {
        return "the address of the service must begin with https:// or http://";
    }
    size_t host = strcspn(url + scheme, "/?#");
    if (host == 0 || strlen(url) > 1000) {
        return "the address of the service has no host, or is too long";
    }
    if (memchr(url + scheme, '@', host)) {
        return "the address of the service must not hold a user or password";
    }
    if (strpbrk(url, "?#")) {
        return "the address of the service must not hold a query or a fragment";
    }
    for (const char *at = url; *at; at++) {
        if (*at <= ' ' || *at == 0x7f) {
            return "the address of the service holds a blank or a control character";
        }
    }
    return NULL;
}

bool
http_url_is_exposed(const char *url)
{
    static const char *const here[] = { "localhost", "127.", "[::1]" };
    if (strncasecmp(url, "http://", 7) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
        if (strncasecmp(url + 7, here[i], strlen(here[i])) == 0) {
            return false;
        }
    }
    return true;
}

/* --- callbacks of curl --- */

static size_t
on_body(char *bytes, size_t size, size_t count, void *owner)
{
    struct http *http = owner;
    struct buffer *body = &http->answer->body;
    buffer_append(body, bytes, size * count);
    return body->is_cut ? 0 : size * count;
}

/* The value when the line is that header. */
static bool
header_value(const char *line, size_t length, const char *name, char *ret_value, size_t size)
{
    size_t name_length = strlen(name);
    if (length <= name_length || strncasecmp(line, name, name_length) != 0 || line[name_length] != ':') {
        return false;
    }
    char *clean = clean_text(line + name_length + 1, length - name_length - 1, size - 1);
    snprintf(ret_value, size, "%s", clean);
    free(clean);
    return true;
}

static void
read_retry_after(struct http_answer *answer, const char *value)
{
    char *end;
    long long seconds = strtoll(value, &end, 10);
    if (end == value) { /* a date (RFC 9110 §10.2.3) */
        time_t when = curl_getdate(value, NULL);
        seconds = when < 0 ? -1 : (long long)(when - time(NULL));
        seconds = when >= 0 && seconds < 0 ? 0 : seconds;
    }
    answer->retry_after_s = seconds > RETRY_AFTER_MOST ? RETRY_AFTER_MOST : seconds < 0 ? -1 : seconds;
}

static size_t
on_header(char *line, size_t size, size_t count, void *owner)
{
    struct http_answer *answer = ((struct http *)owner)->answer;
    size_t length = size * count;
    char value[256];
    if (length > 5 && strncmp(line, "HTTP/", 5) == 0) { /* of the last answer: a proxy's comes before */
        answer->retry_after_s = -1;
        answer->hop[0] = answer->location[0] = '\0';
        answer->date_s = 0;
    } else if (header_value(line, length, "retry-after", value, sizeof(value))) {
        read_retry_after(answer, value);
    } else if (header_value(line, length, "server", value, sizeof(value)) ||
               header_value(line, length, "via", value, sizeof(value))) {
        size_t used = strlen(answer->hop);
        snprintf(answer->hop + used, sizeof(answer->hop) - used, "%s%.60s", used ? ", " : "", value);
    } else if (header_value(line, length, "location", value, sizeof(value))) {
        snprintf(answer->location, sizeof(answer->location), "%s", value);
    } else if (header_value(line, length, "date", value, sizeof(value))) {
        time_t date = curl_getdate(value, NULL);
        answer->date_s = date > 0 ? date : 0;
    }
    return length;
}

static int
on_progress(void *owner, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total, (void)up;
    return interrupt_arrived(((struct http *)owner)->interrupt);
}

/* --- requests --- */

struct http *
http_new(const char *url, const char *token, const char *cacert, struct interrupt *interrupt)
{
    struct http *http = memory_new(1, sizeof(*http));
    *http = (struct http){ .url = url, .token = token, .trust = trust_find(cacert), .interrupt = interrupt };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    http->curl = curl_easy_init();
    if (!http->curl) {
        log_out_of_memory();
    }
    return http;
}

static char *
join_url(const char *base, const char *path)
{
    char *url;
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/') {
        length--;
    }
    if (asprintf(&url, "%.*s/api/v1%s", (int)length, base, path) < 0) {
        log_out_of_memory();
    }
    return url;
}

static void
add_header(struct curl_slist **headers, const char *name, const char *value)
{
    char *line;
    int length = asprintf(&line, "%s:%s%s", name, value ? " " : "", value ? value : "");
    struct curl_slist *longer = length < 0 ? NULL : curl_slist_append(*headers, line);
    if (!longer) {
        log_out_of_memory();
    }
    secret_wipe(line, (size_t)length);
    free(line);
    *headers = longer;
}

static struct curl_slist *
make_headers(const struct http *http, const struct http_request *request)
{
    struct curl_slist *headers = NULL;
    char bearer[256];
    snprintf(bearer, sizeof(bearer), "Bearer %s", http->token);
    add_header(&headers, "Authorization", bearer);
    secret_wipe(bearer, sizeof(bearer));
    add_header(&headers, "Accept", "application/json");
    if (request->body) {
        add_header(&headers, "Content-Type", "application/json");
        add_header(&headers, "Content-Encoding", "gzip");
        add_header(&headers, "Expect",
                   NULL); /* 100-continue costs a second with servers that do not know it */
    }
    if (strcmp(request->method, "POST") == 0 && !request->body) {
        add_header(&headers, "Content-Type", NULL); /* curl would call it a form */
    }
    if (request->key) {
        add_header(&headers, "Idempotency-Key", request->key);
    }
    return headers;
}

static void
free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header; header = header->next) {
        secret_wipe(header->data, strlen(header->data));
    }
    curl_slist_free_all(headers);
}

static void
set_options(struct http *http, const struct http_request *request, const char *url, char *error)
{
    CURL *curl = http->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "testkase-reporter/" TESTKASE_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (http->trust.file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, http->trust.file);
    }
    if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
    } else if (strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static enum http_outcome
outcome_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_ABORTED_BY_CALLBACK:
        return HTTP_INTERRUPTED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return HTTP_HOPELESS;
    default:
        return HTTP_FAILED;
    }
}

static void
describe_failure(const struct http *http, CURLcode code, const char *error, char *ret_text, size_t size)
{
    int used = snprintf(ret_text, size, "%s", *error ? error : curl_easy_strerror(code));
    bool is_about_trust = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    if (is_about_trust && used >= 0 && (size_t)used + 2 < size) {
        memcpy(ret_text + used, "; ", 3);
        trust_describe(&http->trust, ret_text + used + 2, size - (size_t)used - 2);
    }
}

enum http_outcome
http_send(struct http *http, const struct http_request *request, struct http_answer *ret_answer)
{
    char error[CURL_ERROR_SIZE] = "";
    long status = 0;
    *ret_answer = (struct http_answer){ .body.limit = BODY_MAX, .retry_after_s = -1 };
    http->answer = ret_answer;
    char *url = join_url(http->url, request->path);
    struct curl_slist *headers = make_headers(http, request);
    set_options(http, request, url, error);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(http->curl);
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    ret_answer->status = (int)status;
    if (code != CURLE_OK) {
        describe_failure(http, code, error, ret_answer->error, sizeof(ret_answer->error));
    }
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);
    free_headers(headers);
    free(url);
    http->answer = NULL;
    return outcome_of(code);
}

void
http_answer_free(struct http_answer *answer)
{
    if (answer->body.bytes) {
        secret_wipe(answer->body.bytes, answer->body.length); /* perhaps a new token */
    }
    buffer_free(&answer->body);
}

void
http_free(struct http *http)
{
    if (http) {
        curl_easy_cleanup(http->curl);
        curl_global_cleanup();
        free(http);
    }
}
