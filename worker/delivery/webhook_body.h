/* The body of a call in the form of each chat platform. Names that users chose are data there: whatever they
 * hold, they mention nobody, link nowhere and change no format, and the body stays within the platform's
 * documented limits. */
#ifndef WORKER_DELIVERY_WEBHOOK_BODY_H
#define WORKER_DELIVERY_WEBHOOK_BODY_H

struct webhook_text {
    const char *title;      /* a constant of ours */
    const char *facts;      /* JSON: [["label", "value"]]; the labels are ours, the values anybody's */
    const char *public_url; /* of the page, */
    const char *path;       /* and the part of it to link to */
};

/* JSON for slack, discord, teams or google_chat, which the caller frees; NULL for another platform. */
char *webhook_body(const char *platform, const struct webhook_text *text);

#endif
