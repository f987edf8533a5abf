#include "server/resources/exposition.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/auth/hasher.h"
#include "server/auth/rate_limits.h"
#include "server/http/status.h"
#include "server/http/trusted_proxies.h"
#include "server/loop.h"
#include "server/metrics.h"
#include "server/request/request.h"
#include "server/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
write_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP testkase_%s %s\n# TYPE testkase_%s %s\n", name, help, name, type);
}

/* The sum over all loops of the counter at `offset` of struct metrics. */
static uint64_t
sum(const struct server *server, size_t offset)
{
    uint64_t total = 0;
    for (long i = 0; i < server->config->threads; i++) {
        const char *metrics = (const char *)&server->loops[i].metrics;
        total += counter_read((const struct counter *)(const void *)(metrics + offset));
    }
    return total;
}

/* The highest value of that counter in any loop. */
static uint64_t
maximum(const struct server *server, size_t offset)
{
    uint64_t highest = 0;
    for (long i = 0; i < server->config->threads; i++) {
        const char *metrics = (const char *)&server->loops[i].metrics;
        uint64_t value = counter_read((const struct counter *)(const void *)(metrics + offset));
        highest = value > highest ? value : highest;
    }
    return highest;
}

/* `unit`: the recorded values are divided by it, for example 1e6 from microseconds to seconds. */
static void
write_histogram(FILE *out, const struct server *server, const char *name, const char *label, size_t offset,
                const uint64_t *bounds, double unit)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= METRICS_BUCKETS; i++) {
        count += sum(server, offset + offsetof(struct histogram, buckets) + i * sizeof(struct counter));
        if (i < METRICS_BUCKETS) {
            fprintf(out, "testkase_%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, label, *label ? "," : "",
                    (double)bounds[i] / unit, (unsigned long long)count);
        } else {
            fprintf(out, "testkase_%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, label, *label ? "," : "",
                    (unsigned long long)count);
        }
    }
    const char *open = *label ? "{" : "", *close = *label ? "}" : "";
    fprintf(out, "testkase_%s_sum%s%s%s %.9g\n", name, open, label, close,
            (double)sum(server, offset + offsetof(struct histogram, sum)) / unit);
    fprintf(out, "testkase_%s_count%s%s%s %llu\n", name, open, label, close, (unsigned long long)count);
}

/* The labels of a route: its pattern, never a path that a client has sent. */
static void
route_label(const struct route_table *routes, size_t index, char *ret_label, size_t size)
{
    bool is_none = index == route_table_count(routes);
    const struct route *route = is_none ? NULL : route_table_at(routes, index);
    snprintf(ret_label, size, "method=\"%s\",route=\"%s\"", is_none ? "any" : http_method_name(route->method),
             is_none ? "none" : route->pattern);
}

static void
write_requests(FILE *out, const struct server *server)
{
    char label[160];
    write_head(out, "http_requests_total", "counter", "Requests answered, by route and status.");
    for (size_t route = 0; route <= route_table_count(server->routes); route++) {
        route_label(server->routes, route, label, sizeof(label));
        for (size_t i = 0; i < HTTP_STATUS_COUNT; i++) {
            uint64_t value = sum(server, offsetof(struct metrics, requests) +
                                             (route * HTTP_STATUS_COUNT + i) * sizeof(struct counter));
            if (value > 0) {
                fprintf(out, "testkase_http_requests_total{%s,status=\"%d\"} %llu\n", label,
                        http_status_at(i), (unsigned long long)value);
            }
        }
    }
    write_head(out, "http_request_duration_seconds", "histogram",
               "From the head of a request to its answer, by route.");
    for (size_t route = 0; route <= route_table_count(server->routes); route++) {
        route_label(server->routes, route, label, sizeof(label));
        write_histogram(out, server, "http_request_duration_seconds", label,
                        offsetof(struct metrics, latency) + route * sizeof(struct histogram),
                        metrics_latency_bounds, 1e6);
    }
}

static const struct number {
    const char *name, *type, *help;
    size_t offset;
    bool highest; /* show the maximum of the loops, not their sum */
    double unit;
} numbers[] = {
#define NUMBER(name, type, member, help)                                                                     \
    {                                                                                                        \
        name, type, help, offsetof(struct metrics, member), false, 1                                         \
    }
    NUMBER("rate_limited_total", "counter", rate_limited, "Requests of tokens over their limit."),
    NUMBER("rate_lease_statements_total", "counter", lease_statements,
           "Statements that took or gave back leases of tokens' rates; none while the server is alone."),
    NUMBER("rate_lease_calls_taken_total", "counter", leases_taken,
           "Calls of tokens' rates that were leased."),
    NUMBER("rate_lease_calls_returned_total", "counter", leases_returned,
           "Leased calls that were given back unused."),
    NUMBER("rate_lease_waits_total", "counter", lease_waits, "Requests that waited for a lease."),
    NUMBER("rate_lease_failures_total", "counter", lease_failures,
           "Requests answered 503, because PostgreSQL gave no lease."),
    NUMBER("token_guesses_refused_total", "counter", guesses_refused,
           "Tokens not checked, because their address had sent too many wrong ones."),
    NUMBER("verified_hits_total", "counter", verified_hits, "Tokens whose argon2 result was remembered."),
    NUMBER("verified_misses_total", "counter", verified_misses, "Tokens whose argon2 result was unknown."),
    NUMBER("gate_questions_total", "counter", gate_questions, "Requests that asked for a token's state."),
    NUMBER("gate_refills_total", "counter", gate_refills,
           "Token states read from PostgreSQL, because they were unknown or had changed."),
    NUMBER("gate_catch_ups_total", "counter", gate_catch_ups,
           "Queries for recorded changes, because the epoch had moved."),
    NUMBER("gate_resets_total", "counter", gate_resets,
           "Times that all token states were dropped: after a reconnect, or a change of more than tokens."),
    NUMBER("gate_failures_total", "counter", gate_failures, "Questions that PostgreSQL did not answer."),
    NUMBER("database_reconnects_total", "counter", reconnects, "Reconnects to PostgreSQL."),
    NUMBER("usage_lost_total", "counter", usage_lost, "Calls missing from the usage of tokens."),
    NUMBER("http_connections", "gauge", connections, "Client connections."),
    NUMBER("http_connections_evicted_total", "counter", connections_evicted,
           "Unfinished client connections closed to make room for others."),
    NUMBER("event_streams", "gauge", streams, "Open streams of events."),
    NUMBER("stream_events_total", "counter", stream_events, "Events sent in streams."),
    NUMBER("http_requests_open", "gauge", requests_open, "Requests begun and not yet answered."),
    NUMBER("database_connections", "gauge", database_connections, "Usable connections to PostgreSQL."),
#undef NUMBER
    { "usage_flush_lag_seconds", "gauge", "How long the oldest unwritten usage has waited.",
      offsetof(struct metrics, usage_lag_ms), true, 1000 },
};

static void
write_numbers(FILE *out, const struct server *server)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct number *number = &numbers[i];
        uint64_t value = number->highest ? maximum(server, number->offset) : sum(server, number->offset);
        write_head(out, number->name, number->type, number->help);
        fprintf(out, "testkase_%s %.15g\n", number->name, (double)value / number->unit);
    }
}

static void
write_servers(FILE *out, const struct server *server)
{
    write_head(out, "rate_servers", "gauge",
               "Servers that share the rates of tokens, this one included; 1 while it is alone.");
    fprintf(out, "testkase_rate_servers %lld\n", (long long)rate_limits_servers(server->rate_limits));
}

static void
write_sign_ins(FILE *out, const struct server *server)
{
    write_head(out, "sign_ins_failed_total", "counter", "Sign-ins that failed, by reason.");
    for (size_t i = 0; i < SIGN_IN_FAILURE_COUNT; i++) {
        size_t offset = offsetof(struct metrics, sign_ins_failed) + i * sizeof(struct counter);
        fprintf(out, "testkase_sign_ins_failed_total{reason=\"%s\"} %llu\n", metrics_sign_in_failures[i],
                (unsigned long long)sum(server, offset));
    }
}

static void
write_gate(FILE *out, const struct server *server)
{
    write_head(out, "gate_round_tokens", "histogram", "Tokens that shared one query for the epoch.");
    write_histogram(out, server, "gate_round_tokens", "", offsetof(struct metrics, gate_round_size),
                    metrics_size_bounds, 1);
    write_head(out, "gate_round_duration_seconds", "histogram",
               "PostgreSQL's answer to a query for the epoch.");
    write_histogram(out, server, "gate_round_duration_seconds", "", offsetof(struct metrics, gate_round_us),
                    metrics_latency_bounds, 1e6);
}

static void
write_hasher(FILE *out, const struct server *server)
{
    static const char *const shares[] = { "tokens", "passwords", "creations" };
    struct hasher_stats stats;
    hasher_read_stats(server->hasher, &stats);
    write_head(out, "argon2_waiting", "gauge", "Secrets waiting for argon2.");
    for (int i = 0; i < HASHER_SHARE_COUNT; i++) {
        fprintf(out, "testkase_argon2_waiting{share=\"%s\"} %zu\n", shares[i], stats.waiting[i]);
    }
    write_head(out, "argon2_refused_total", "counter", "Secrets refused because the queue was full.");
    for (int i = 0; i < HASHER_SHARE_COUNT; i++) {
        fprintf(out, "testkase_argon2_refused_total{share=\"%s\"} %llu\n", shares[i],
                (unsigned long long)stats.refused[i]);
    }
    write_head(out, "argon2_wait_seconds", "summary", "Time that secrets waited until argon2 began.");
    for (int i = 0; i < HASHER_SHARE_COUNT; i++) {
        fprintf(out, "testkase_argon2_wait_seconds_sum{share=\"%s\"} %.6f\n", shares[i],
                (double)stats.waited_us[i] / 1e6);
        fprintf(out, "testkase_argon2_wait_seconds_count{share=\"%s\"} %llu\n", shares[i],
                (unsigned long long)stats.begun[i]);
    }
    write_head(out, "argon2_duration_seconds", "summary", "Time that argon2 took.");
    fprintf(out, "testkase_argon2_duration_seconds_sum %.6f\n", (double)stats.busy_us / 1e6);
    fprintf(out, "testkase_argon2_duration_seconds_count %llu\n", (unsigned long long)stats.done);
}

static void
write_process(FILE *out)
{
    write_head(out, "resident_memory_bytes", "gauge", "Resident memory of the process.");
    fprintf(out, "testkase_resident_memory_bytes %zu\n", memory_resident());
    write_head(out, "build_info", "gauge", "Always 1; the version is its label.");
    fputs("testkase_build_info{version=\"" TESTKASE_VERSION "\"} 1\n", out);
}

static FILE *
open_text(char **ret_text, size_t *ret_length)
{
    FILE *out = open_memstream(ret_text, ret_length);
    if (!out) {
        log_out_of_memory();
    }
    return out;
}

char *
exposition_write(const struct server *server, size_t *ret_length)
{
    char *text = NULL;
    FILE *out = open_text(&text, ret_length);
    write_requests(out, server);
    write_numbers(out, server);
    write_servers(out, server);
    write_sign_ins(out, server);
    write_gate(out, server);
    write_hasher(out, server);
    write_process(out);
    if (fclose(out) != 0 || !text) {
        log_out_of_memory();
    }
    return text;
}

/* Whether Host is this machine for its own processes. A page whose name resolves to a loopback address, and a
 * proxy that passes Host on, name another one. */
static bool
is_loopback_host(struct http_slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct client_address address;
    bool is_bracketed = host.length > 0 && host.bytes[0] == '[';
    const char *end = host.length ? memchr(host.bytes, is_bracketed ? ']' : ':', host.length) : NULL;
    struct http_slice name = end ? http_slice_between(host.bytes + is_bracketed, end) : host;
    if (http_slice_equals_nocase(name, "localhost")) {
        return true;
    }
    if (name.length >= sizeof(text)) {
        return false;
    }
    snprintf(text, sizeof(text), "%.*s", (int)name.length, name.bytes);
    return client_address_parse(text, &address) && client_address_is_loopback(&address);
}

/* A proxy on this machine has a loopback address, too. It adds a field to the requests that it forwards, or
 * it is listed as trusted, or, by default, it speaks HTTP/1.0. */
static bool
came_through_proxy(const struct request *request)
{
    static const char *const proxy_fields[] = { "forwarded", "via", "x-real-ip" };
    static const char forwarded[] = "x-forwarded-";
    for (size_t i = 0; i < sizeof(proxy_fields) / sizeof(proxy_fields[0]); i++) {
        if (http_head_field(request->head, proxy_fields[i]).bytes) {
            return true;
        }
    }
    for (size_t i = 0; i < request->head->field_count; i++) {
        struct http_slice name = request->head->fields[i].name;
        if (http_slice_skip_nocase(&name, forwarded)) {
            return true;
        }
    }
    return request->head->minor_version == 0 ||
           trusted_proxies_trust(request->loop->server->trusted_proxies, &request->address);
}

static bool
is_local_client(const struct request *request)
{
    return client_address_is_loopback(&request->address) && is_loopback_host(request->head->host) &&
           !came_through_proxy(request);
}

enum step_result
exposition_get(struct request *request)
{
    const struct server *server = request->loop->server;
    if (!request->is_for_metrics && (server->metrics_sockets || !is_local_client(request))) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
    }
    size_t length;
    char *text = exposition_write(server, &length);
    return answer_bytes(&request->answer, 200, "text/plain; version=0.0.4; charset=utf-8", text, length);
}
