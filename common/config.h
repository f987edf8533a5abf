/* Configuration from TESTKASE_* environment variables. One sorted table (config.c) has each variable's name,
 * default, meaning and the programs that read it; --help prints the same table. Every secret also has a
 * *_FILE form, whose value is the path of a file. An unknown TESTKASE_* variable, a value out of range, or a
 * variable set together with its _FILE form is an error. A variable that only another program of ours reads
 * is ignored, and so is one that Kubernetes or a container link sets for a service of our name
 * (config_links.h).
 *
 * An empty value means unset, whatever the variable. The
 * file of a _FILE form must be a regular file, not empty, of at most 64 KiB; one line end at its end is
 * dropped. */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/log.h"
#include <stddef.h>
#include <stdio.h>

#define CONFIG_EXPOSED_MAX 4

enum config_program {
    CONFIG_SERVER = 1,
    CONFIG_WORKER = 2,
    CONFIG_ADMIN = 4,
    CONFIG_REPORTER = 8,
};

/* Strings are never NULL: an unset optional is "". Numbers are within the range that the table states. */
struct config {
    /* TESTKASE_DATABASE_URL; for testkase-admin, TESTKASE_ADMIN_DATABASE_URL takes precedence. */
    char *database_url;
    char *listen;       /* TESTKASE_LISTEN: one or more addresses, separated by commas */
    long socket_mode;   /* TESTKASE_SOCKET_MODE, 0 to 0777 */
    char *socket_group; /* TESTKASE_SOCKET_GROUP */
    /* As a browser's Origin: http:// or https://, lower case, no trailing slash, no default port. */
    char *public_url;
    long threads; /* TESTKASE_THREADS, 1 to 256; the number of usable cores, 8 at most, when unset */
    /* Valid CIDRs separated by commas: no blanks, each with a prefix length, the bits after it cleared. */
    char *trusted_proxies;
    long argon2_memory_kib;     /* TESTKASE_ARGON2_MEMORY_KIB */
    long argon2_time;           /* TESTKASE_ARGON2_TIME */
    long argon2_parallelism;    /* TESTKASE_ARGON2_PARALLELISM */
    long rate_limit;            /* TESTKASE_RATE_LIMIT, requests a minute */
    long rate_burst;            /* TESTKASE_RATE_BURST */
    enum log_level log_level;   /* TESTKASE_LOG_LEVEL */
    enum log_format log_format; /* TESTKASE_LOG_FORMAT */
    char *metrics_listen;       /* TESTKASE_METRICS_LISTEN */
    char *smtp_url;             /* TESTKASE_SMTP_URL, smtp:// or smtps:// */
    char *mail_from;            /* TESTKASE_MAIL_FROM */
    char *webhook_networks;     /* TESTKASE_WEBHOOK_NETWORKS, in the form of trusted_proxies */
    char *url;                  /* TESTKASE_URL, in the form of public_url; testkase-reporter only */
    char *pat;                  /* TESTKASE_PAT; testkase-reporter only */
    /* The first of the variables whose _FILE form names a file that every user of the machine may read. The
     * program warns of them. */
    size_t exposed_count;
    const char *exposed[CONFIG_EXPOSED_MAX];
};

/* Reads `environment` (like environ(7)). Returns 0 and a configuration for config_free(), or -1 with one
 * line, without a secret in it, in `ret_error`. */
int config_load(const char *const *environment, enum config_program program, struct config **ret_config,
                char *ret_error, size_t error_size);

/* Wipes the secrets and frees; NULL is fine. */
void config_free(struct config *config);

/* Prints the variables that `program` reads, with default and meaning, for --help. */
void config_print_help(FILE *out, enum config_program program);

/* Prints the same as a file of assignments (EnvironmentFile= of systemd.exec(5)), each commented out. */
void config_print_file(FILE *out, enum config_program program);

#endif
