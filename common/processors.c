#include "common/processors.h"
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSORS_MAX 65536

static int
by_affinity(void)
{
    cpu_set_t *set = CPU_ALLOC(PROCESSORS_MAX);
    size_t size = CPU_ALLOC_SIZE(PROCESSORS_MAX);
    int count = 0;
    if (set && sched_getaffinity(0, size, set) == 0) {
        count = CPU_COUNT_S(size, set);
    }
    CPU_FREE(set);
    return count > 0 ? count : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Finds the first line that begins with `prefix`; the rest of that line comes without its line end. */
static bool
read_line(const char *path, const char *prefix, char *ret_rest, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t length = strlen(prefix);
    bool found = false;
    while (file && !found && fgets(ret_rest, (int)size, file)) {
        found = strncmp(ret_rest, prefix, length) == 0;
    }
    if (file) {
        fclose(file);
    }
    if (found) {
        memmove(ret_rest, ret_rest + length, strlen(ret_rest + length) + 1);
        ret_rest[strcspn(ret_rest, "\n")] = '\0';
    }
    return found;
}

/* The file has "150000 100000", time in each period in microseconds, or "max 100000". 0: no limit. */
static int
read_quota(const char *path)
{
    char line[64], *second, *end;
    if (!read_line(path, "", line, sizeof(line))) {
        return 0;
    }
    long quota = strtol(line, &second, 10), period = strtol(second, &end, 10);
    if (end == second || quota <= 0 || period <= 0) {
        return 0;
    }
    long processors = quota / period + (quota % period > 0);
    return processors < PROCESSORS_MAX ? (int)processors : 0;
}

int
processors_by_quota(const char *self, const char *root)
{
    char group[PATH_MAX], path[2 * PATH_MAX];
    int least = 0;
    /* The one hierarchy of version 2, as in "0::/system.slice/testkase-server.service". */
    if (!read_line(self, "0::", group, sizeof(group)) || group[0] != '/') {
        return 0;
    }
    for (size_t end = strlen(group) + 1; end-- > 0;) {
        if (group[end] != '/' && group[end] != '\0') {
            continue;
        }
        group[end] = '\0';
        snprintf(path, sizeof(path), "%s%s/cpu.max", root, group);
        int limit = read_quota(path);
        least = limit && (!least || limit < least) ? limit : least;
    }
    return least;
}

int
processors_usable(void)
{
    int count = by_affinity(), quota = processors_by_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    count = quota && quota < count ? quota : count;
    return count < 1 ? 1 : count;
}
