#include "reporter/trust.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const trust_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, Red Hat, Amazon */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* newer Fedora and Red Hat */
    "/etc/ssl/cert.pem",                                 /* Alpine without the package ca-certificates */
    "/etc/ssl/certs/ca-bundle.crt",                      /* NixOS */
    NULL,
};

const char *
trust_first(const char *const *files)
{
    struct stat status;
    for (; *files; files++) {
        if (stat(*files, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
            access(*files, R_OK) == 0) {
            return *files;
        }
    }
    return NULL;
}

struct trust
trust_find(const char *cacert)
{
    static const char *const variables[] = { "CURL_CA_BUNDLE", "SSL_CERT_FILE" };
    if (cacert) {
        return (struct trust){ cacert, "--cacert" };
    }
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value) {
            return (struct trust){ value, variables[i] };
        }
    }
    return (struct trust){ trust_first(trust_files), NULL };
}

void
trust_describe(const struct trust *trust, char *ret_text, size_t size)
{
    if (trust->file) {
        snprintf(ret_text, size, "trusted are the certificates in %s%s%s%s", trust->file,
                 trust->source ? " (" : "", trust->source ? trust->source : "", trust->source ? ")" : "");
        return;
    }
    int used =
        snprintf(ret_text, size, "no file with CA certificates was found: give --cacert, or install one of");
    for (const char *const *file = trust_files; *file && used >= 0 && (size_t)used < size; file++) {
        used +=
            snprintf(ret_text + used, size - (size_t)used, "%s %s", file == trust_files ? "" : ",", *file);
    }
}
