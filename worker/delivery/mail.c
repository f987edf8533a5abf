#include "worker/delivery/mail.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/password_link.h"
#include "worker/delivery/authority.h"
#include "worker/delivery/letter.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS 10
#define STALL_SECONDS   20
#define TOTAL_SECONDS   60 /* less than a row is leased */

struct mail {
    struct curl_slist *headers;
    struct curl_slist *to;
    curl_mime *mime;
    bool carries_link;
    unsigned char digest[SECRET_DIGEST_SIZE]; /* of the link's secret */
};

static bool
is_configured(const struct config *config)
{
    return *config->smtp_url && *config->mail_from;
}

static void
add_part(curl_mime *mime, const char *body, const char *type)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    if (!part || curl_mime_data(part, body, CURL_ZERO_TERMINATED) != CURLE_OK ||
        curl_mime_type(part, type) != CURLE_OK || curl_mime_encoder(part, "quoted-printable") != CURLE_OK) {
        log_out_of_memory();
    }
}

/* The two parts as alternatives (RFC 2046 §5.1.4). */
static curl_mime *
make_body(CURL *curl, const char *text, const char *html)
{
    curl_mime *mime = curl_mime_init(curl), *alternatives = curl_mime_init(curl);
    if (!mime || !alternatives) {
        log_out_of_memory();
    }
    add_part(alternatives, text, "text/plain; charset=utf-8");
    add_part(alternatives, html, "text/html; charset=utf-8");
    curl_mimepart *part = curl_mime_addpart(mime);
    if (!part || curl_mime_subparts(part, alternatives) != CURLE_OK ||
        curl_mime_type(part, "multipart/alternative") != CURLE_OK) {
        log_out_of_memory();
    }
    return mime;
}

/* Credentials never cross the network in clear; without any, a server that knows no TLS will do. */
static long
tls_level(const char *url)
{
    return strchr(url, '@') ? CURLUSESSL_ALL : CURLUSESSL_TRY;
}

static void
set_options(const struct config *config, CURL *curl, const struct mail *mail)
{
    curl_easy_setopt(curl, CURLOPT_URL, config->smtp_url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    /* libcurl would use the connection again after the answer to a mail did not come in time, though the
     * server may take what follows for a part of that mail. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    authority_trust(curl);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, tls_level(config->smtp_url));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)STALL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, config->mail_from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, mail->to);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, mail->headers);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, mail->mime);
}

static const char *
value_of(const struct db_result *rows, int row, const char *name)
{
    return db_text(rows, row, db_column(rows, name));
}

/* Writes the body, which may have a secret in it, into the mail. */
static void
write_body(struct mail *mail, CURL *curl, const struct letter *letter)
{
    char *text = letter_text(letter), *html = letter_html(letter);
    mail->mime = make_body(curl, text, html);
    secret_wipe(text, strlen(text));
    secret_wipe(html, strlen(html));
    free(text);
    free(html);
}

static void *
begin(const struct config *config, CURL *curl, const struct db_result *rows, int row,
      struct verdict *ret_verdict)
{
    (void)ret_verdict;
    struct letter letter = {
        .id = value_of(rows, row, "id"),
        .from = config->mail_from,
        .to = value_of(rows, row, "address"),
        .to_name = value_of(rows, row, "name"),
        .subject = value_of(rows, row, "subject"),
        .items = value_of(rows, row, "items"),
        .public_url = config->public_url,
        .unsubscribe_secret =
            strcmp(value_of(rows, row, "kind"), "security") != 0 ? value_of(rows, row, "secret") : NULL,
        .is_digest = strcmp(value_of(rows, row, "kind"), "digest") == 0,
    };
    struct mail *mail = memory_new(1, sizeof(*mail));
    mail->headers = letter_headers(&letter);
    mail->to = curl_slist_append(NULL, letter.to);
    if (!mail->to) {
        log_out_of_memory();
    }
    char secret[PASSWORD_LINK_SECRET_SIZE] = "";
    mail->carries_link = *value_of(rows, row, "carries_link") == 't';
    if (mail->carries_link) {
        password_link_make(secret, mail->digest);
        letter.link_secret = secret;
    }
    write_body(mail, curl, &letter);
    secret_wipe(secret, sizeof(secret));
    set_options(config, curl, mail);
    return mail;
}

static const unsigned char *
digest(const void *state)
{
    const struct mail *mail = state;
    return mail->carries_link ? mail->digest : NULL;
}

/* What the mail itself is to blame for: not that the server wants other credentials (RFC 4954 §6). */
static bool
is_refusal(long status)
{
    return status >= 500 && status != 530 && status != 534 && status != 535 && status != 538;
}

static void
end(void *state, CURL *curl, CURLcode code, struct verdict *ret_verdict)
{
    struct mail *mail = state;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_verdict->status);
    if (code == CURLE_OK) {
        ret_verdict->outcome = VERDICT_SENT;
    } else {
        ret_verdict->outcome = is_refusal(ret_verdict->status) ? VERDICT_REFUSED : VERDICT_TRY_AGAIN;
        snprintf(ret_verdict->error, sizeof(ret_verdict->error), "%s", curl_easy_strerror(code));
    }
    curl_mime_free(mail->mime);
    curl_slist_free_all(mail->headers);
    curl_slist_free_all(mail->to);
    free(mail);
}

const struct carrier mail_carrier = {
    .name = "mail",
    .most = 4,
    .claim = QUERY_WORKER_CLAIM_MAILS,
    .record = QUERY_WORKER_RECORD_MAIL,
    .is_configured = is_configured,
    .begin = begin,
    .digest = digest,
    .keep = QUERY_WORKER_KEEP_LINK_SECRET,
    .end = end,
};
