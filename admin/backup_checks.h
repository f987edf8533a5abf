/* The checks of testkase-admin backup check: whether a database has all that its programs rest on. They
 * change nothing. */
#ifndef ADMIN_BACKUP_CHECKS_H
#define ADMIN_BACKUP_CHECKS_H

#include "common/db_sync.h"
#include "common/json.h"
#include <stdbool.h>
#include <stdio.h>

struct backup_checks;

/* Runs them all, and makes the connection's session read-only first. With another schema than this build's,
 * only the check of the schema runs, and fails. */
struct backup_checks *backup_checks_run(struct db_sync *db);
void backup_checks_free(struct backup_checks *checks);

/* How many have failed; warnings do not count. */
int backup_checks_failed(const struct backup_checks *checks);

/* A line for each check, with its findings and what to do below it. */
void backup_checks_print(FILE *out, const struct backup_checks *checks);

/* An array of {name, state: ok | warning | failed | not_run, findings, remedy}. */
void backup_checks_write(struct json_writer *writer, const struct backup_checks *checks);

#endif
