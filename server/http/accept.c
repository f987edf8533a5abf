#include "server/http/accept.h"

#define WEIGHT_MAX  1000 /* weights are in thousandths */
#define NOT_LISTED  (-1)
#define LEAST_LIKED 1

/* A weight (RFC 9110 §12.4.2): "0" or "1", and up to three decimals. What cannot be read counts as 0. */
static int
read_weight(struct http_slice text)
{
    if (text.length == 0 || text.length > 5 || (text.bytes[0] != '0' && text.bytes[0] != '1') ||
        (text.length > 1 && text.bytes[1] != '.')) {
        return 0;
    }
    int weight = (text.bytes[0] - '0') * WEIGHT_MAX, unit = WEIGHT_MAX / 10;
    for (size_t i = 2; i < text.length; i++, unit /= 10) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return 0;
        }
        weight += (text.bytes[i] - '0') * unit;
    }
    return weight > WEIGHT_MAX ? 0 : weight;
}

/* The weight of `member`, one element of a list, if that is `name`; parameters other than q are ignored. */
static int
weight_of_member(struct http_slice member, const char *name)
{
    struct http_slice part;
    if (!http_slice_next(&member, ';', &part) || !http_slice_equals_nocase(http_slice_trim(part), name)) {
        return NOT_LISTED;
    }
    int weight = WEIGHT_MAX;
    while (http_slice_next(&member, ';', &part)) {
        part = http_slice_trim(part);
        if (http_slice_skip_nocase(&part, "q=")) {
            weight = read_weight(part);
        }
    }
    return weight;
}

/* The weight of `name` in all fields called `field`, which together are one list (§5.3). */
static int
weight_of(const struct http_head *head, const char *field, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct http_slice rest = head->fields[i].value, member;
        if (!http_slice_equals_nocase(head->fields[i].name, field)) {
            continue;
        }
        while (http_slice_next(&rest, ',', &member)) {
            int weight = weight_of_member(http_slice_trim(member), name);
            if (weight != NOT_LISTED) {
                return weight;
            }
        }
    }
    return NOT_LISTED;
}

/* "*" stands for all codings that are not listed. Without it, identity is acceptable, and others are not.
 * When nothing is acceptable, the file is sent without a coding, as §12.1 allows. */
bool
http_accept_prefers_gzip(const struct http_head *head)
{
    int any = weight_of(head, "accept-encoding", "*");
    int gzip = weight_of(head, "accept-encoding", "gzip");
    int identity = weight_of(head, "accept-encoding", "identity");
    if (gzip == NOT_LISTED) {
        gzip = any;
    }
    if (identity == NOT_LISTED) {
        identity = any == NOT_LISTED ? LEAST_LIKED : any;
    }
    return gzip > 0 && gzip >= identity;
}

bool
http_accept_prefers_html(const struct http_head *head)
{
    int html = weight_of(head, "accept", "text/html");
    return html > 0 && html >= weight_of(head, "accept", "application/json") &&
           html >= weight_of(head, "accept", "application/problem+json");
}
