#include "reporter/source.h"
#include "common/memory.h"
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define PATH_SIZE 4096

struct walk {
    struct source_list *list;
    size_t found;
    bool is_full;
};

static void
add_file(struct walk *walk, const char *path, const struct stat *status)
{
    struct source_list *list = walk->list;
    walk->found++;
    for (size_t i = 0; i < list->count; i++) {
        if (list->files[i].device == status->st_dev && list->files[i].inode == status->st_ino) {
            return;
        }
    }
    if (list->count == SOURCE_FILES_MAX) {
        walk->is_full = true;
        return;
    }
    if ((list->count & (list->count - 1)) == 0) {
        size_t capacity = list->count ? 2 * list->count : 1;
        list->files = memory_resize(list->files, capacity, sizeof(*list->files));
    }
    list->files[list->count++] = (struct source){ memory_duplicate(path), status->st_dev, status->st_ino };
}

static int
is_visible(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void match(struct walk *walk, const char *folder, const char *pattern, int depth);

/* "folder/name", or false when that is too long. */
static bool
join(const char *folder, const char *name, char ret_path[PATH_SIZE])
{
    size_t length = strlen(folder);
    const char *slash = length == 0 || folder[length - 1] == '/' ? "" : "/";
    return snprintf(ret_path, PATH_SIZE, "%s%s%s", folder, slash, name) < PATH_SIZE;
}

/* Goes on with one entry of a folder that matches the pattern's first part. */
static void
descend(struct walk *walk, const char *path, const char *rest, int depth)
{
    struct stat status;
    if (stat(path, &status) < 0) {
        return;
    }
    if (*rest) {
        if (S_ISDIR(status.st_mode)) {
            match(walk, path, rest, depth + 1);
        }
    } else if (!S_ISDIR(status.st_mode)) {
        add_file(walk, path, &status);
    }
}

/* Below "**": every folder, and in it the rest of the pattern. */
static void
match_any_depth(struct walk *walk, const char *folder, const char *pattern, const char *rest, int depth)
{
    struct dirent **entries;
    match(walk, folder, *rest ? rest : "*", depth);
    int count = scandir(*folder ? folder : ".", &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        struct stat status;
        if (entries[i]->d_name[0] != '.' && join(folder, entries[i]->d_name, path) &&
            lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
            match(walk, path, pattern, depth + 1);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

/* Adds what matches `pattern` below `folder` ("": the working directory). */
static void
match(struct walk *walk, const char *folder, const char *pattern, int depth)
{
    char part[PATH_SIZE];
    size_t length = strcspn(pattern, "/");
    struct dirent **entries;
    if (depth > DEPTH_MAX || walk->is_full || length >= sizeof(part)) {
        return;
    }
    const char *rest = pattern + length + strspn(pattern + length, "/");
    memcpy(part, pattern, length);
    part[length] = '\0';
    if (strcmp(part, "**") == 0) {
        match_any_depth(walk, folder, pattern, rest, depth);
        return;
    }
    if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0) {
        char path[PATH_SIZE];
        if (join(folder, part, path)) {
            descend(walk, path, rest, depth);
        }
        return;
    }
    int count = scandir(*folder ? folder : ".", &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        if (fnmatch(part, entries[i]->d_name, FNM_PERIOD) == 0 && join(folder, entries[i]->d_name, path)) {
            descend(walk, path, rest, depth);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

static enum source_outcome
add_literal(struct walk *walk, const char *path, const struct stat *status, char *ret_error, size_t size)
{
    if (S_ISDIR(status->st_mode)) {
        snprintf(ret_error, size, "is a folder; name its files, for example by \"**/*.xml\" behind it");
        return SOURCE_FAILED;
    }
    add_file(walk, path, status);
    return SOURCE_FOUND;
}

static enum source_outcome
add_standard_input(struct walk *walk, char *ret_error, size_t size)
{
    struct stat status;
    if (isatty(STDIN_FILENO) || fstat(STDIN_FILENO, &status) < 0) {
        snprintf(ret_error, size, "standard input is a terminal; give it a file or a pipe");
        return SOURCE_FAILED;
    }
    add_file(walk, "-", &status);
    return SOURCE_FOUND;
}

enum source_outcome
source_add(struct source_list *list, const char *pattern, char *ret_error, size_t error_size)
{
    struct walk walk = { .list = list };
    struct stat status;
    enum source_outcome outcome;
    if (strcmp(pattern, "-") == 0) {
        outcome = add_standard_input(&walk, ret_error, error_size);
    } else if (stat(pattern, &status) == 0) {
        outcome = add_literal(&walk, pattern, &status, ret_error, error_size);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        snprintf(ret_error, error_size, "%s", strerror(errno));
        outcome = SOURCE_FAILED;
    } else if (!strpbrk(pattern, "*?[")) {
        outcome = SOURCE_NONE;
    } else {
        bool is_absolute = *pattern == '/';
        match(&walk, is_absolute ? "/" : "", pattern + strspn(pattern, "/"), 0);
        outcome = walk.found ? SOURCE_FOUND : SOURCE_NONE;
    }
    if (walk.is_full) {
        snprintf(ret_error, error_size, "matches more than %d files", SOURCE_FILES_MAX);
        outcome = SOURCE_FAILED;
    }
    return outcome;
}

void
source_free(struct source_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->files[i].path);
    }
    free(list->files);
    *list = (struct source_list){ 0 };
}
