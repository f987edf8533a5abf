/* Events as text/event-stream (WHATWG HTML §9.2). Every block ends with an empty line. */
#ifndef SERVER_STREAMS_ENCODING_H
#define SERVER_STREAMS_ENCODING_H

#include <stddef.h>
#include <stdint.h>

/* Text that grows; zeroed at first. */
struct encoding {
    char *bytes;
    size_t length, capacity;
};

/* Frees the bytes. */
void encoding_clear(struct encoding *encoding);

/* The first block: how long a browser waits before it connects again. */
void encoding_add_retry(struct encoding *encoding, int milliseconds);
/* `data` is JSON in one line. */
void encoding_add_event(struct encoding *encoding, const char *position, const char *topic, const char *data);
/* Says that events are missing. */
void encoding_add_reset(struct encoding *encoding, const char *position);
/* Shows the position, which a browser remembers, but no event. */
void encoding_add_heartbeat(struct encoding *encoding, const char *position);

#endif
