#include "worker/delivery/webhook.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/public_address.h"
#include "worker/delivery/authority.h"
#include "worker/delivery/webhook_body.h"
#include "worker/delivery/webhook_signature.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECT_SECONDS 5
#define TOTAL_SECONDS   15 /* less than a row is leased */
#define HEAD_BYTES_MAX  ((size_t)32 * 1024)
#define BODY_BYTES_MAX  ((size_t)16 * 1024) /* what is read before the connection is closed */
#define RETRY_AFTER_MAX 86400               /* so that it is a number for the statement, which allows less */
#define FIELD_SIZE      512

struct webhook {
    const char *networks;
    bool is_https;
    bool refused_address;
    bool has_head; /* of the last answer; 1xx come before it */
    size_t head_bytes, body_bytes;
    struct curl_slist *fields;
    char *body;
};

static bool
is_configured(const struct config *config)
{
    (void)config;
    return true;
}

/* --- the request --- */

static void __attribute__((format(printf, 2, 3))) add_field(struct webhook *webhook, const char *format, ...)
{
    char field[FIELD_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(field, sizeof(field), format, arguments);
    va_end(arguments);
    struct curl_slist *longer = curl_slist_append(webhook->fields, field);
    if (!longer) {
        log_out_of_memory();
    }
    webhook->fields = longer;
}

static const char *
value_of(const struct db_result *rows, int row, const char *name)
{
    int column = db_column(rows, name);
    return db_is_null(rows, row, column) ? NULL : db_text(rows, row, column);
}

/* Standard Webhooks 1.0.0: the id is that of the message, the time that of the attempt. While a secret is
 * being replaced, both sign. */
static void
sign(struct webhook *webhook, const struct db_result *rows, int row)
{
    char now[24], signature[WEBHOOK_SIGNATURE_SIZE], previous[WEBHOOK_SIGNATURE_SIZE];
    const char *id = value_of(rows, row, "message_id");
    const char *secret = value_of(rows, row, "secret"), *old = value_of(rows, row, "previous_secret");
    snprintf(now, sizeof(now), "%" PRId64, (int64_t)time(NULL));
    add_field(webhook, "webhook-id: %s", id);
    add_field(webhook, "webhook-timestamp: %s", now);
    if (secret && webhook_signature(secret, id, now, webhook->body, signature)) {
        bool has_both = old && webhook_signature(old, id, now, webhook->body, previous);
        add_field(webhook, "webhook-signature: %s%s%s", signature, has_both ? " " : "",
                  has_both ? previous : "");
    }
}

static void
write_request(const struct config *config, struct webhook *webhook, const struct db_result *rows, int row)
{
    const char *platform = value_of(rows, row, "platform");
    const struct webhook_text text = {
        .title = value_of(rows, row, "title"),
        .facts = value_of(rows, row, "facts"),
        .public_url = config->public_url,
        .path = value_of(rows, row, "path"),
    };
    add_field(webhook, "Content-Type: application/json");
    add_field(webhook, "User-Agent: TestKase/" TESTKASE_VERSION);
    add_field(webhook, "Expect:"); /* no 100 Continue to wait for */
    webhook->body = webhook_body(platform, &text);
    if (!webhook->body) {
        webhook->body = memory_duplicate(value_of(rows, row, "message"));
        sign(webhook, rows, row);
    }
}

/* --- the connection --- */

/* The guard. libcurl connects the socket that this returns to the address that this has checked. */
static curl_socket_t
open_socket(void *state, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct webhook *webhook = state;
    enum public_address_kind kind = public_address_kind(&address->addr, webhook->networks);
    bool is_good = kind == PUBLIC_ADDRESS_LISTED || (kind == PUBLIC_ADDRESS_PUBLIC && webhook->is_https);
    if (purpose != CURLSOCKTYPE_IPCXN || !is_good) {
        webhook->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* One line of the head; other than `size`, it ends the transfer. */
static size_t
take_line(char *line, size_t one, size_t size, void *state)
{
    struct webhook *webhook = state;
    (void)one;
    webhook->head_bytes += size;
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        webhook->has_head = false;
    } else if (size > 0 && (line[0] == '\r' || line[0] == '\n')) {
        webhook->has_head = true;
    }
    return webhook->head_bytes <= HEAD_BYTES_MAX ? size : 0;
}

static size_t
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
drop_body(char *bytes, size_t one, size_t size, void *state)
{
    struct webhook *webhook = state;
    (void)bytes;
    (void)one;
    webhook->body_bytes += size;
    return webhook->body_bytes <= BODY_BYTES_MAX ? size : 0;
}

static void
set_options(CURL *curl, const char *url, struct webhook *webhook)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, webhook);
    curl_easy_setopt(curl, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    /* A connection that another webhook's transfer has made was checked by that one's scheme. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    authority_trust(curl);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, webhook);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, webhook);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, webhook->fields);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, webhook->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(webhook->body));
}

static void *
begin(const struct config *config, CURL *curl, const struct db_result *rows, int row,
      struct verdict *ret_verdict)
{
    (void)ret_verdict;
    const char *url = value_of(rows, row, "url");
    struct webhook *webhook = memory_new(1, sizeof(*webhook));
    webhook->networks = config->webhook_networks;
    webhook->is_https = strncasecmp(url, "https:", 6) == 0;
    write_request(config, webhook, rows, row);
    set_options(curl, url, webhook);
    return webhook;
}

/* --- the answer --- */

/* The error of an attempt is shown to admins; it has no part of the address. */
static void
judge_answer(struct verdict *verdict)
{
    if (verdict->status >= 200 && verdict->status < 300) {
        verdict->outcome = VERDICT_SENT;
        return;
    }
    verdict->outcome = verdict->status == 410 ? VERDICT_REFUSED : VERDICT_TRY_AGAIN;
    snprintf(verdict->error, sizeof(verdict->error), "the endpoint answered %ld%s", verdict->status,
             verdict->status < 400 ? "; redirects are not followed" : "");
}

static void
judge_failure(const struct webhook *webhook, CURLcode code, struct verdict *verdict)
{
    verdict->outcome = VERDICT_TRY_AGAIN;
    verdict->status = 0;
    snprintf(verdict->error, sizeof(verdict->error), "%s",
             webhook->refused_address && code == CURLE_COULDNT_CONNECT
                 ? "the host has no address that may be called"
             : webhook->head_bytes > HEAD_BYTES_MAX ? "the answer's head is too long"
                                                    : curl_easy_strerror(code));
}

static void
end(void *state, CURL *curl, CURLcode code, struct verdict *ret_verdict)
{
    struct webhook *webhook = state;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_verdict->status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    if (webhook->has_head && ret_verdict->status >= 200) {
        judge_answer(ret_verdict);
        ret_verdict->retry_after_seconds = retry_after < 0                 ? 0
                                           : retry_after > RETRY_AFTER_MAX ? RETRY_AFTER_MAX
                                                                           : (long)retry_after;
    } else {
        judge_failure(webhook, code, ret_verdict);
    }
    curl_slist_free_all(webhook->fields);
    free(webhook->body);
    free(webhook);
}

const struct carrier webhook_carrier = {
    .name = "webhook",
    .most = 64,
    .claim = QUERY_WORKER_CLAIM_WEBHOOKS,
    .record = QUERY_WORKER_RECORD_WEBHOOK,
    .is_configured = is_configured,
    .begin = begin,
    .end = end,
};
