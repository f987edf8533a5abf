#include "reporter/spool.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDING      ".batch"
#define HEADER_MAX  8192
#define FILE_MAX    ((off_t)64 << 20)
#define PATH_SIZE   4096
#define VERSION     1
#define US_OF_A_SEC INT64_C(1000000)

struct spool {
    char *folder;
};

/* --- the folder --- */

static bool
usual_folder(char ret_path[PATH_SIZE])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length = PATH_SIZE;
    if (state && *state == '/') {
        length = snprintf(ret_path, PATH_SIZE, "%s/testkase-reporter", state);
    } else if (home && *home == '/') {
        length = snprintf(ret_path, PATH_SIZE, "%s/.local/state/testkase-reporter", home);
    } else {
        length = snprintf(ret_path, PATH_SIZE, "/var/tmp/testkase-reporter-%ld", (long)getuid());
    }
    return length < PATH_SIZE;
}

/* Makes the folder and those above it. */
static int
make_folders(const char *path)
{
    char part[PATH_SIZE];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST && errno != EROFS) {
            return -1;
        }
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

struct spool *
spool_open(const char *folder, char *ret_error, size_t error_size)
{
    char path[PATH_SIZE];
    struct stat status;
    if (folder ? snprintf(path, sizeof(path), "%s", folder) >= PATH_SIZE : !usual_folder(path)) {
        snprintf(ret_error, error_size, "the path of the spool folder is too long");
        return NULL;
    }
    if (make_folders(path) < 0 || lstat(path, &status) < 0) {
        snprintf(ret_error, error_size, "cannot make the spool folder %s: %s", path, strerror(errno));
        return NULL;
    }
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022)) {
        snprintf(ret_error, error_size, "the spool folder %s is no folder, or others may write to it", path);
        return NULL;
    }
    if (access(path, W_OK | X_OK) < 0) {
        snprintf(ret_error, error_size, "cannot write to the spool folder %s: %s", path, strerror(errno));
        return NULL;
    }
    struct spool *spool = memory_new(1, sizeof(*spool));
    spool->folder = memory_duplicate(path);
    return spool;
}

const char *
spool_folder(const struct spool *spool)
{
    return spool->folder;
}

/* --- writing --- */

static char *
path_of(const struct spool *spool, const char *name, const char *ending)
{
    char *path;
    if (asprintf(&path, "%s/%s%s", spool->folder, name, ending) < 0) {
        log_out_of_memory();
    }
    return path;
}

static int
write_all(int file, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int
write_batch(int file, const char *url, const struct batch *batch)
{
    struct json_writer *writer = json_writer_new();
    size_t length;
    json_open_object(writer);
    json_integer_member(writer, "version", VERSION);
    json_text_member(writer, "url", url);
    json_text_member(writer, "idempotencyKey", batch->key);
    json_integer_member(writer, "results", (int64_t)batch->results);
    json_integer_member(writer, "createdAt", clock_wall_us() / US_OF_A_SEC);
    json_close_object(writer);
    const char *header = json_writer_bytes(writer, &length);
    int result = write_all(file, header, length) < 0 || write_all(file, "\n", 1) < 0 ||
                         write_all(file, batch->bytes, batch->length) < 0 || fsync(file) < 0
                     ? -1
                     : 0;
    json_writer_free(writer);
    return result;
}

/* So that the name lasts, too. */
static void
sync_folder(const struct spool *spool)
{
    int folder = open(spool->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
}

int
spool_put(struct spool *spool, const char *url, const struct batch *batch, struct spool_file *ret_file,
          char *ret_error, size_t error_size)
{
    char name[96];
    size_t count;
    char **names = spool_list(spool, &count);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    if (count >= SPOOL_FILES_MAX) {
        snprintf(ret_error, error_size,
                 "the spool %s is full: send what it holds by `testkase-reporter resume`", spool->folder);
        return -1;
    }
    snprintf(name, sizeof(name), "%016lld-%s", (long long)clock_wall_us(), batch->key);
    char *path = path_of(spool, name, ENDING), *draft = path_of(spool, name, ".new");
    int file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0 || flock(file, LOCK_EX) < 0 || write_batch(file, url, batch) < 0 ||
        rename(draft, path) < 0) {
        snprintf(ret_error, error_size, "cannot write to the spool %s: %s", spool->folder, strerror(errno));
        if (file >= 0) {
            unlink(draft);
            close(file);
        }
        free(path);
        path = NULL;
    } else {
        sync_folder(spool);
        *ret_file = (struct spool_file){ file, path };
    }
    free(draft);
    return path ? 0 : -1;
}

/* --- reading --- */

static int
is_batch(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), ending = strlen(ENDING);
    return length > ending && strcmp(entry->d_name + length - ending, ENDING) == 0;
}

char **
spool_list(const struct spool *spool, size_t *ret_count)
{
    struct dirent **entries;
    int count = scandir(spool->folder, &entries, is_batch, alphasort);
    char **names = memory_new(count > 0 ? (size_t)count : 1, sizeof(*names));
    for (int i = 0; i < count; i++) {
        names[i] = memory_duplicate(entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    *ret_count = count > 0 ? (size_t)count : 0;
    return names;
}

static bool
text_member(const struct json_value *object, const char *key, const char **ret_text)
{
    const struct json_value *value = json_member(object, key);
    *ret_text = value && json_type(value) == JSON_STRING ? json_string(value, NULL) : NULL;
    return *ret_text != NULL;
}

static bool
number_member(const struct json_value *object, const char *key, int64_t *ret_number)
{
    const struct json_value *value = json_member(object, key);
    *ret_number = value && json_type(value) == JSON_INTEGER ? json_integer(value) : -1;
    return *ret_number >= 0;
}

/* Takes a spool file apart. */
static bool
read_batch(const char *bytes, size_t length, struct batch **ret_batch, char **ret_url, int64_t *ret_age_s)
{
    const char *end = memchr(bytes, '\n', length < HEADER_MAX ? length : HEADER_MAX);
    struct json_document *document;
    const char *error, *key, *url;
    int64_t version, results, created;
    if (!end || json_read(bytes, (size_t)(end - bytes), &document, &error) < 0) {
        return false;
    }
    const struct json_value *header = json_root(document);
    bool is_whole = number_member(header, "version", &version) && version == VERSION &&
                    number_member(header, "results", &results) && results <= BATCH_RESULTS_MAX &&
                    number_member(header, "createdAt", &created) && text_member(header, "url", &url) &&
                    text_member(header, "idempotencyKey", &key) && strlen(key) == BATCH_KEY_LENGTH;
    if (is_whole) {
        struct batch *batch = memory_new(1, sizeof(*batch));
        batch->length = length - (size_t)(end + 1 - bytes);
        batch->bytes = memory_copy_text(end + 1, batch->length);
        batch->results = (size_t)results;
        memcpy(batch->key, key, BATCH_KEY_LENGTH + 1);
        *ret_batch = batch;
        *ret_url = memory_duplicate(url);
        *ret_age_s = clock_wall_us() / US_OF_A_SEC - created;
    }
    json_free(document);
    return is_whole;
}

/* Whether the open file still has that name: another process may have removed it before it was locked. */
static bool
is_still_there(int file, const char *path)
{
    struct stat opened, named;
    return fstat(file, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

static bool
read_whole(int file, char **ret_bytes, size_t *ret_length)
{
    struct stat status;
    if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_MAX) {
        return false;
    }
    char *bytes = memory_new((size_t)status.st_size + 1, 1);
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length < (size_t)status.st_size) {
        got = read(file, bytes + length, (size_t)status.st_size - length);
        length += got > 0 ? (size_t)got : 0;
    }
    *ret_bytes = bytes;
    *ret_length = length;
    return true;
}

enum spool_outcome
spool_take(const struct spool *spool, const char *name, struct spool_file *ret_file, struct batch **ret_batch,
           char **ret_url, int64_t *ret_age_s)
{
    char *path = path_of(spool, name, ""), *bytes;
    size_t length;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 || flock(file, LOCK_EX | LOCK_NB) < 0 || !is_still_there(file, path)) {
        if (file >= 0) {
            close(file);
        }
        free(path);
        return SPOOL_BUSY;
    }
    bool is_whole = read_whole(file, &bytes, &length);
    if (is_whole) {
        is_whole = read_batch(bytes, length, ret_batch, ret_url, ret_age_s);
        free(bytes);
    }
    if (!is_whole) {
        close(file);
        free(path);
        return SPOOL_DAMAGED;
    }
    *ret_file = (struct spool_file){ file, path };
    return SPOOL_TAKEN;
}

void
spool_file_close(struct spool_file *file, bool remove)
{
    if (file->path) {
        if (remove) {
            unlink(file->path);
        }
        close(file->file);
        free(file->path);
        *file = (struct spool_file){ 0 };
    }
}

void
spool_close(struct spool *spool)
{
    if (spool) {
        free(spool->folder);
        free(spool);
    }
}
