#include "server/request/route.h"
#include "common/memory.h"
#include "common/text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The placeholders and their types. */
static const struct placeholder {
    const char *name;
    const char *prefix; /* of the number; NULL: any text that is not empty */
    bool takes_rest;    /* any text up to the end of the path, slashes included, also an empty one */
} placeholders[] = {
    { "id", "", false },
    { "user", "", false },
    { "key", "", false },
    { "delivery", "", false },
    { "project", TEXT_PROJECT_PREFIX, false },
    { "cycle", TEXT_CYCLE_PREFIX, false },
    { "case", TEXT_CASE_PREFIX, false },
    { "secret", NULL, false },
    { "finding", NULL, false },
    { "rest", NULL, true },
};

/* One segment, shared by all patterns that are equal up to it. */
struct node {
    struct http_slice segment;             /* as the pattern has it */
    const struct placeholder *placeholder; /* NULL when the segment is literal */
    struct node *children;                 /* literal segments first */
    struct node *next;
    const struct route *by_method[HTTP_ANY];
    const struct route *any;
    bool ends_path; /* a pattern ends here */
};

struct route_table {
    const struct route *routes;
    size_t count;
    struct node root;
};

/* Takes the next segment off the front of a path that begins with '/'. */
static bool
next_segment(struct http_slice *rest, struct http_slice *ret_segment)
{
    if (rest->length == 0) {
        return false;
    }
    const char *begin = rest->bytes + 1, *end = rest->bytes + rest->length;
    const char *slash = memchr(begin, '/', (size_t)(end - begin));
    *ret_segment = http_slice_between(begin, slash ? slash : end);
    *rest = http_slice_between(slash ? slash : end, end);
    return true;
}

/* --- making the table --- */

static const struct placeholder *
find_placeholder(struct http_slice segment)
{
    if (segment.length < 2 || segment.bytes[0] != '{') {
        return NULL;
    }
    const struct http_slice name = { segment.bytes + 1, segment.length - 2 };
    for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++) {
        if (http_slice_equals(name, placeholders[i].name)) {
            return &placeholders[i];
        }
    }
    assert(false && "a pattern has a placeholder that is not known");
    return NULL;
}

static bool
is_node_for(const struct node *node, struct http_slice segment, const struct placeholder *placeholder)
{
    return placeholder ? node->placeholder == placeholder
                       : !node->placeholder && node->segment.length == segment.length &&
                             memcmp(node->segment.bytes, segment.bytes, segment.length) == 0;
}

/* The child for that segment of a pattern; made when it is missing. */
static struct node *
child_for(struct node *parent, struct http_slice segment)
{
    const struct placeholder *placeholder = find_placeholder(segment);
    struct node **at = &parent->children;
    while (*at && (placeholder || !(*at)->placeholder) && !is_node_for(*at, segment, placeholder)) {
        at = &(*at)->next;
    }
    if (*at && is_node_for(*at, segment, placeholder)) {
        return *at;
    }
    struct node *child = memory_new(1, sizeof(*child));
    child->segment = segment;
    child->placeholder = placeholder;
    child->next = *at;
    *at = child;
    return child;
}

static void
add_route(struct route_table *table, const struct route *route)
{
    struct http_slice rest = { route->pattern, strlen(route->pattern) }, segment;
    struct node *node = &table->root;
    while (next_segment(&rest, &segment)) {
        node = child_for(node, segment);
    }
    node->ends_path = true;
    if (route->method == HTTP_ANY) {
        node->any = route;
    } else {
        node->by_method[route->method] = route;
    }
}

struct route_table *
route_table_new(const struct route *routes, size_t count)
{
    struct route_table *table = memory_new(1, sizeof(*table));
    table->routes = routes;
    table->count = count;
    for (size_t i = 0; i < count; i++) {
        add_route(table, &routes[i]);
    }
    return table;
}

static void
free_children(struct node *node)
{
    struct node *child = node->children;
    while (child) {
        struct node *next = child->next;
        free_children(child);
        free(child);
        child = next;
    }
}

void
route_table_free(struct route_table *table)
{
    if (table) {
        free_children(&table->root);
        free(table);
    }
}

/* --- finding a route --- */

static bool
read_value(const struct placeholder *placeholder, struct http_slice segment, struct route_values *values)
{
    struct route_value *value = &values->items[values->count];
    value->name = placeholder->name;
    value->text = segment;
    value->number = 0;
    bool fits = !placeholder->prefix ? segment.length > 0 || placeholder->takes_rest
                : *placeholder->prefix
                    ? text_to_numbered(segment.bytes, segment.length, placeholder->prefix, &value->number)
                    : text_to_id(segment.bytes, segment.length, &value->number);
    values->count += fits;
    return fits;
}

static const struct node *
find_child(const struct node *node, struct http_slice segment, struct route_values *values)
{
    for (const struct node *child = node->children; child; child = child->next) {
        if (child->placeholder ? read_value(child->placeholder, segment, values)
                               : is_node_for(child, segment, NULL)) {
            return child;
        }
    }
    return NULL;
}

static void
add_allowed(char allow[ROUTE_ALLOW_SIZE], const char *name)
{
    if (*allow) {
        strncat(allow, ", ", ROUTE_ALLOW_SIZE - strlen(allow) - 1);
    }
    strncat(allow, name, ROUTE_ALLOW_SIZE - strlen(allow) - 1);
}

static void
list_allowed(const struct node *node, char ret_allow[ROUTE_ALLOW_SIZE])
{
    *ret_allow = '\0';
    for (size_t method = 0; method < HTTP_ANY; method++) {
        if (node->by_method[method]) {
            add_allowed(ret_allow,
                        method == HTTP_GET ? "GET, HEAD" : http_method_name((enum http_method)method));
        }
    }
}

enum route_outcome
route_table_find(const struct route_table *table, enum http_method method, struct http_slice path,
                 struct route_match *ret_match)
{
    const struct node *node = &table->root;
    struct http_slice rest = path, segment;
    ret_match->values.count = 0;
    if (path.length == 0 || path.bytes[0] != '/') {
        return ROUTE_NO_PATH;
    }
    while (node && next_segment(&rest, &segment)) {
        node = find_child(node, segment, &ret_match->values);
        if (node && node->placeholder && node->placeholder->takes_rest) {
            ret_match->values.items[ret_match->values.count - 1].text.length += rest.length;
            rest.length = 0;
        }
    }
    if (!node || !node->ends_path) {
        return ROUTE_NO_PATH;
    }
    const struct route *route = node->by_method[method == HTTP_HEAD ? HTTP_GET : method];
    ret_match->route = route ? route : node->any;
    if (ret_match->route) {
        return ROUTE_FOUND;
    }
    list_allowed(node, ret_match->allow);
    return ROUTE_NO_METHOD;
}

const struct route_value *
route_values_find(const struct route_values *values, const char *name)
{
    for (size_t i = 0; i < values->count; i++) {
        if (strcmp(values->items[i].name, name) == 0) {
            return &values->items[i];
        }
    }
    return NULL;
}

/* --- the rows --- */

size_t
route_table_count(const struct route_table *table)
{
    return table->count;
}

const struct route *
route_table_at(const struct route_table *table, size_t index)
{
    return &table->routes[index];
}

size_t
route_table_index(const struct route_table *table, const struct route *route)
{
    bool is_in_table = route >= table->routes && route < table->routes + table->count;
    return is_in_table ? (size_t)(route - table->routes) : table->count;
}

const char *
route_access_name(enum route_access access)
{
    static const char *const names[] = {
        [ROUTE_ANYONE] = "anyone",
        [ROUTE_CALLER] = "caller",
        [ROUTE_ORG_ADMIN] = "org_admin",
        [ROUTE_PROJECT_GUEST] = "project_guest",
        [ROUTE_PROJECT_USER] = "project_user",
        [ROUTE_PROJECT_ADMIN] = "project_admin",
    };
    return names[access];
}

const char *
route_least_role(const struct route *route)
{
    switch (route->access) {
    case ROUTE_PROJECT_GUEST:
        return "guest";
    case ROUTE_PROJECT_USER:
        return "user";
    case ROUTE_PROJECT_ADMIN:
        return "project_admin";
    default:
        return NULL;
    }
}
