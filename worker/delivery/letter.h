/* The content of a mail: its header fields (RFC 5322), and the same items as text and as HTML. Everything
 * that a person has chosen (names of tokens and people) is data here: it can neither add a header field nor a
 * tag. */
#ifndef WORKER_DELIVERY_LETTER_H
#define WORKER_DELIVERY_LETTER_H

#include <curl/curl.h>
#include <stdbool.h>

struct letter {
    const char *id;         /* a UUID, the same in every attempt */
    const char *from;       /* address of the sender */
    const char *to;         /* address of the reader */
    const char *to_name;    /* the reader's name */
    const char *subject;    /* UTF-8 */
    const char *items;      /* JSON: [{"heading", "sentences": [], "path"}] */
    const char *public_url; /* of the page, without a trailing slash */
    /* Of reminders and digests: the secret with which they are stopped by one click (RFC 8058); else NULL. */
    const char *unsubscribe_secret;
    /* Of mails whose link sets a password: the secret, which goes into the fragment of the link; else NULL.
     */
    const char *link_secret;
    bool is_digest;
};

/* Returns the header fields for CURLOPT_HTTPHEADER, for curl_slist_free_all(). */
struct curl_slist *letter_headers(const struct letter *letter);

/* Return the body as text or as HTML, UTF-8 with lines ended by CR LF, for free(). */
char *letter_text(const struct letter *letter);
char *letter_html(const struct letter *letter);

/* Writes the domain of an address ("@" and what precedes it left out); "localhost" when it has none. */
void letter_domain(const char *address, char *ret_domain, size_t size);

#endif
