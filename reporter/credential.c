#include "reporter/credential.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/token.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "TESTKASE_PAT"
#define SIZE     256 /* more than a token */

void
credential_free(char *token)
{
    if (token) {
        secret_wipe(token, strlen(token));
        free(token);
    }
}

/* The first line of a file. */
static char *
read_file(const char *path)
{
    char line[SIZE + 1] = "";
    size_t length = 0;
    ssize_t got = 1;
    int file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return NULL;
    }
    while (got > 0 && length < SIZE && !memchr(line, '\n', length)) {
        got = read(file, line + length, SIZE - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (file != STDIN_FILENO) {
        close(file);
    }
    char *token = got < 0 ? NULL : memory_copy_text(line, strcspn(line, "\n"));
    secret_wipe(line, sizeof(line));
    return token;
}

static char *
take_variable(void)
{
    char *value = getenv(VARIABLE);
    char *token = value && *value ? memory_duplicate(value) : NULL;
    if (value) {
        secret_wipe(value, strlen(value));
        unsetenv(VARIABLE);
    }
    return token;
}

bool
credential_is_given(const struct options *options)
{
    const char *variable = getenv(VARIABLE);
    return (options->token && *options->token) || options->token_file || (variable && *variable);
}

/* White space at the ends comes along when people copy. */
static void
trim(char *token)
{
    size_t length = strlen(token), start = strspn(token, " \t\r\n");
    while (length > start && strchr(" \t\r\n", token[length - 1])) {
        length--;
    }
    memmove(token, token + start, length - start);
    secret_wipe(token + length - start, strlen(token) - (length - start));
}

int
credential_read(const struct options *options, char **ret_token, char *ret_error, size_t error_size)
{
    char *variable = take_variable();
    char *token = options->token ? memory_duplicate(options->token) : NULL;
    if (!token && options->token_file) {
        token = read_file(options->token_file);
        if (!token) {
            snprintf(ret_error, error_size, "cannot read the file of --token-file: %s", strerror(errno));
            credential_free(variable);
            return -1;
        }
    }
    if (token) {
        credential_free(variable);
    } else {
        token = variable;
    }
    if (token) {
        trim(token);
    }
    if (!token || !*token) {
        snprintf(
            ret_error, error_size,
            "there is no token: set TESTKASE_PAT, or give --token-file. CI systems do not hand secrets to "
            "pull requests from forks");
    } else if (!token_parse(token, strlen(token), NULL)) {
        snprintf(ret_error, error_size, "the token is not whole: it has another length or was mistyped");
    } else {
        *ret_token = token;
        return 0;
    }
    credential_free(token);
    return -1;
}
