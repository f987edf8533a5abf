/* Streaming XML by expat, for files that nobody vouches for: any encoding that encoding.h reads; names
 * without their prefixes; nesting up to 200 elements, tags up to 8 MiB. Refused: entity declarations,
 * everything that is outside of the file, and what is not well-formed. */
#ifndef REPORTER_XML_H
#define REPORTER_XML_H

#include "reporter/format.h"

#define XML_DEPTH_MAX 200

struct xml_handlers {
    const char *const *roots; /* names that the root element may have; ends with NULL */
    /* `attributes` is for xml_attribute(). */
    void (*open)(void *owner, const char *name, const char **attributes);
    void (*close)(void *owner, const char *name);
    /* A piece of text; one text may come in several. */
    void (*text)(void *owner, const char *bytes, size_t length);
};

/* For xml_free(). The handlers are called from within xml_feed() and xml_finish(). */
struct xml *xml_new(const struct xml_handlers *handlers, void *owner);

/* Both return 0, or -1 and a fault with its place in the file. */
int xml_feed(struct xml *xml, const char *bytes, size_t length, struct fault *ret_fault);
int xml_finish(struct xml *xml, struct fault *ret_fault);

/* How many elements are open; in `open` and `close`, the element itself counts. */
int xml_depth(const struct xml *xml);

uint64_t xml_repairs(const struct xml *xml);

/* The value of an attribute, whatever its prefix; NULL when there is none. */
const char *xml_attribute(const char **attributes, const char *name);

/* NULL is fine. */
void xml_free(struct xml *xml);

#endif
