#include "worker/link.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "worker/listen.h"
#include "worker/stop.h"
#include <stdlib.h>

/* With the 5 s that db_sync waits beyond it for the network, less than the 10 s that a stop may take. */
#define STATEMENT_TIMEOUT_MS 3000
#define RETRY_FIRST_MS       50
#define RETRY_MOST_MS        2000

struct link {
    char *url;
    struct db_sync *db;
    struct db_history history;
    struct db_hosts hosts;
    struct retry retry;
};

struct link *
link_new(const char *url)
{
    struct link *link = memory_new(1, sizeof(*link));
    link->url = memory_duplicate(url);
    link->retry.what = "connection to PostgreSQL";
    return link;
}

void
link_free(struct link *link)
{
    if (!link) {
        return;
    }
    db_sync_close(link->db);
    db_hosts_clear(&link->hosts);
    free(link->url);
    free(link);
}

static enum link_outcome
give_up(struct link *link, enum link_outcome outcome)
{
    db_sync_close(link->db);
    link->db = NULL;
    return outcome;
}

static enum link_outcome
refuse_database(struct link *link, const char *error)
{
    log_error("cannot work with this database", log_text("error", error));
    return give_up(link, LINK_IMPOSSIBLE);
}

enum link_outcome
link_open(struct link *link)
{
    char error[512];
    const struct db_sync_options options = {
        .url = link->url,
        .application_name = "testkase-worker",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .schema = DB_SYNC_SCHEMA_ANY,
        .history = &link->history,
        .hosts = &link->hosts,
    };
    stop_at_once_begin();
    int opened = db_sync_open(&options, &link->db, error, sizeof(error));
    stop_at_once_end();
    if (opened == DB_SYNC_SHARED) {
        return refuse_database(link, error);
    }
    if (opened < 0) {
        retry_failed(&link->retry, "", error);
        return LINK_DOWN;
    }
    if (db_sync_check_session(link->db, link->url, "testkase-worker", error, sizeof(error)) < 0 ||
        !db_sync_schema_fits(link->db, error, sizeof(error))) {
        return refuse_database(link, error);
    }
    if (listen_begin(link->db) < 0) {
        retry_failed(&link->retry, "", db_sync_error(link->db));
        return give_up(link, LINK_DOWN);
    }
    return LINK_UP;
}

void
link_settled(struct link *link)
{
    retry_worked(&link->retry);
}

int64_t
link_delay_ms(const struct link *link)
{
    return retry_delay_ms(link->retry.failures, RETRY_FIRST_MS, RETRY_MOST_MS);
}

struct db_sync *
link_db(const struct link *link)
{
    return link->db;
}

void
link_close(struct link *link)
{
    if (!link->db) {
        return;
    }
    if (!db_sync_alive(link->db)) {
        retry_failed(&link->retry, "", db_sync_error(link->db));
    }
    db_sync_close(link->db);
    link->db = NULL;
}
