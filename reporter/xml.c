#include "reporter/xml.h"
#include "common/log.h"
#include "common/memory.h"
#include "reporter/encoding.h"
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#define TAG_MAX   ((uint64_t)8 << 20)
#define PIECE_MAX 65536 /* bytes that expat gets at once */

struct xml {
    const struct xml_handlers *handlers;
    void *owner;
    XML_Parser parser;
    struct encoding *encoding;
    struct buffer text; /* decoded */
    int depth;
    uint64_t fed;
    bool has_root, has_ended; /* the root element was opened, closed */
    bool is_refused;
    struct fault fault; /* of is_refused */
};

static const char *
local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

const char *
xml_attribute(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2) {
        if (strcmp(local_name(attributes[0]), name) == 0) {
            return attributes[1];
        }
    }
    return NULL;
}

static void
set_place(const struct xml *xml, struct fault *fault)
{
    fault->line = XML_GetCurrentLineNumber(xml->parser) + encoding_dropped_lines(xml->encoding);
    fault->column = XML_GetCurrentColumnNumber(xml->parser) + 1;
}

/* Stops at what `fault` describes. */
static void
refuse(struct xml *xml)
{
    set_place(xml, &xml->fault);
    xml->is_refused = true;
    XML_StopParser(xml->parser, XML_FALSE);
}

static bool
is_root(const struct xml *xml, const char *name)
{
    for (const char *const *root = xml->handlers->roots; *root; root++) {
        if (strcmp(*root, name) == 0) {
            return true;
        }
    }
    return false;
}

static void XMLCALL
on_open(void *data, const char *name, const char **attributes)
{
    struct xml *xml = data;
    name = local_name(name);
    if (!xml->has_root && !is_root(xml, name)) {
        format_describe_root(name, &xml->fault);
        refuse(xml);
        return;
    }
    xml->has_root = true;
    if (xml->depth == XML_DEPTH_MAX) {
        fault_set(&xml->fault, "elements are nested deeper than %d", XML_DEPTH_MAX);
        refuse(xml);
        return;
    }
    xml->depth++;
    xml->handlers->open(xml->owner, name, attributes);
}

static void XMLCALL
on_close(void *data, const char *name)
{
    struct xml *xml = data;
    if (xml->is_refused) {
        return; /* expat still ends an empty element */
    }
    xml->handlers->close(xml->owner, local_name(name));
    xml->depth--;
    xml->has_ended = xml->depth == 0;
}

static void XMLCALL
on_text(void *data, const char *bytes, int length)
{
    struct xml *xml = data;
    if (xml->is_refused) {
        return;
    }
    xml->handlers->text(xml->owner, bytes, (size_t)length);
}

static void XMLCALL
on_entity(void *data, const char *name, int is_parameter, const char *value, int length, const char *base,
          const char *system, const char *public, const char *notation)
{
    (void)name, (void)is_parameter, (void)value, (void)length, (void)base;
    (void)system, (void)public, (void)notation;
    struct xml *xml = data;
    fault_set(&xml->fault, "it declares entities (DOCTYPE), which no report needs");
    refuse(xml);
}

/* expat would pass over an external subset; a report that has one is not what it seems. */
static void XMLCALL
on_doctype(void *data, const char *name, const char *system, const char *public, int has_internal)
{
    (void)name, (void)has_internal;
    struct xml *xml = data;
    if (system || public) {
        fault_set(&xml->fault, "its DOCTYPE names another file, which is not opened");
        refuse(xml);
    }
}

struct xml *
xml_new(const struct xml_handlers *handlers, void *owner)
{
    struct xml *xml = memory_new(1, sizeof(*xml));
    xml->handlers = handlers;
    xml->owner = owner;
    xml->encoding = encoding_new(true);
    xml->parser = XML_ParserCreate("UTF-8");
    if (!xml->parser) {
        log_out_of_memory();
    }
    XML_SetUserData(xml->parser, xml);
    XML_SetElementHandler(xml->parser, on_open, on_close);
    XML_SetCharacterDataHandler(xml->parser, on_text);
    XML_SetEntityDeclHandler(xml->parser, on_entity);
    XML_SetStartDoctypeDeclHandler(xml->parser, on_doctype);
    return xml;
}

/* expat's words, or ours where they help more. */
static void
describe_error(struct xml *xml, struct fault *fault)
{
    enum XML_Error error = XML_GetErrorCode(xml->parser);
    bool is_at_end = error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN ||
                     error == XML_ERROR_UNCLOSED_CDATA_SECTION || error == XML_ERROR_PARTIAL_CHAR;
    if (xml->is_refused) {
        *fault = xml->fault;
        return;
    }
    if (xml->fed == 0) {
        fault_set(fault, "the file is empty; the run was probably killed before it wrote anything");
        return;
    } else if (is_at_end && !xml->has_ended) {
        fault_set(fault, "the file is truncated; the run was probably killed");
    } else if (error == XML_ERROR_JUNK_AFTER_DOC_ELEMENT || error == XML_ERROR_MISPLACED_XML_PI) {
        fault_set(fault, "a second document begins here: several reports in one file cannot be read");
    } else {
        fault_set(fault, "not well-formed XML: %s", XML_ErrorString(error));
    }
    set_place(xml, fault);
}

/* Whether a tag, a comment or an instruction is longer than expat should hold in memory. */
static bool
tag_is_too_long(const struct xml *xml)
{
    XML_Index at = XML_GetCurrentByteIndex(xml->parser);
    return at >= 0 && xml->fed > (uint64_t)at + TAG_MAX;
}

static int
parse(struct xml *xml, bool is_final, struct fault *ret_fault)
{
    size_t at = 0;
    do {
        size_t length = xml->text.length - at;
        bool is_last = length <= PIECE_MAX;
        length = is_last ? length : PIECE_MAX;
        xml->fed += length;
        if (XML_Parse(xml->parser, buffer_text(&xml->text) + at, (int)length, is_final && is_last) !=
            XML_STATUS_OK) {
            describe_error(xml, ret_fault);
            return -1;
        }
        if (tag_is_too_long(xml)) {
            fault_set(ret_fault, "a tag or comment is longer than %d MiB", (int)(TAG_MAX >> 20));
            set_place(xml, ret_fault);
            return -1;
        }
        at += length;
    } while (at < xml->text.length);
    buffer_reset(&xml->text);
    return 0;
}

int
xml_feed(struct xml *xml, const char *bytes, size_t length, struct fault *ret_fault)
{
    encoding_feed(xml->encoding, bytes, length, &xml->text);
    return xml->text.length ? parse(xml, false, ret_fault) : 0;
}

int
xml_finish(struct xml *xml, struct fault *ret_fault)
{
    encoding_finish(xml->encoding, &xml->text);
    return parse(xml, true, ret_fault);
}

int
xml_depth(const struct xml *xml)
{
    return xml->depth;
}

uint64_t
xml_repairs(const struct xml *xml)
{
    return encoding_repairs(xml->encoding);
}

void
xml_free(struct xml *xml)
{
    if (xml) {
        XML_ParserFree(xml->parser);
        encoding_free(xml->encoding);
        buffer_free(&xml->text);
        free(xml);
    }
}
