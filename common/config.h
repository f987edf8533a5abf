/* Configuration from TESTKASE_* environment variables. One sorted table (config.c) holds every variable's
 * name, default, meaning and the programs that read it; --help is printed from the same table. Every secret
 * also has a *_FILE form that names a file. An unknown TESTKASE_* variable, a value out of range, or a
 * variable set together with its _FILE form is an error. A variable that another program of ours reads is
 * accepted and ignored. */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/log.h"
#include <stddef.h>
#include <stdio.h>

enum config_program {
    CONFIG_SERVER = 1,
    CONFIG_WORKER = 2,
    CONFIG_ADMIN = 4,
    CONFIG_REPORTER = 8,
};

/* Strings are never NULL: an unset optional is "". Numbers are within the range that the table states. */
struct config {
    char
        *database_url; /* TESTKASE_DATABASE_URL; for testkase-admin, TESTKASE_ADMIN_DATABASE_URL goes first */
    char *listen;      /* TESTKASE_LISTEN */
    char *public_url;  /* TESTKASE_PUBLIC_URL, http:// or https://, without a trailing slash */
    long threads;      /* TESTKASE_THREADS, at least 1 */
    char *trusted_proxies;    /* TESTKASE_TRUSTED_PROXIES, comma-separated CIDRs, checked */
    long argon2_memory_kib;   /* TESTKASE_ARGON2_MEMORY_KIB */
    long argon2_time;         /* TESTKASE_ARGON2_TIME */
    long argon2_parallelism;  /* TESTKASE_ARGON2_PARALLELISM */
    long rate_limit;          /* TESTKASE_RATE_LIMIT, requests a minute */
    long rate_burst;          /* TESTKASE_RATE_BURST */
    enum log_level log_level; /* TESTKASE_LOG_LEVEL */
    enum log_format log_format;
    char *metrics_listen;
    char *smtp_url;
    char *mail_from;
};

/* Reads `environment` (like environ(7)). Returns 0 and a configuration for config_free(), or -1 with one
 * line, without a secret in it, in `ret_error`. */
int config_load(const char *const *environment, enum config_program program, struct config **ret_config,
                char *ret_error, size_t error_size);

/* Wipes the secrets and frees; NULL is fine. */
void config_free(struct config *config);

/* Prints the variables that `program` reads, with default and meaning, for --help. */
void config_print_help(FILE *out, enum config_program program);

#endif
