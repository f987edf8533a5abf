#include "server/auth/hand_over.h"
#include "common/memory.h"
#include "common/secret.h"
#include "server/auth/verified.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Another number with each change of the layout below, or of what a digest is made of. */
#define LAYOUT 1

#define RESULTS_MAX 1000000
#define FIXED_SIZE  (F_SEAL_SHRINK | F_SEAL_GROW) /* reading cannot fail halfway */

static const char magic[8] = "TKVERIF";

struct header {
    char magic[8];
    uint32_t layout;
    uint32_t result_size;
    uint64_t count;
    unsigned char secret[VERIFIED_SECRET_SIZE];
};

struct result {
    struct verified_key key;
    int64_t token_id;
};

struct writer {
    struct result *results; /* NULL: they are only counted */
    size_t count, room;
};

/* --- giving --- */

static void
write_result(const struct verified_key *key, int64_t token_id, void *argument)
{
    struct writer *writer = argument;
    if (writer->results && writer->count < writer->room) {
        writer->results[writer->count] = (struct result){ *key, token_id };
    }
    writer->count++;
}

static size_t
count_results(struct verified *verified)
{
    struct writer counter = { .results = NULL };
    verified_visit_good(verified, write_result, &counter);
    return counter.count < RESULTS_MAX ? counter.count : RESULTS_MAX;
}

static int
write_all(struct verified *verified, int fd, size_t count)
{
    size_t size = sizeof(struct header) + count * sizeof(struct result);
    if (ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, FIXED_SIZE) < 0) {
        return -1;
    }
    struct header *header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (header == MAP_FAILED) {
        return -1;
    }
    struct writer writer = { .results = (struct result *)(header + 1), .room = count };
    verified_visit_good(verified, write_result, &writer);
    *header = (struct header){ .layout = LAYOUT, .result_size = sizeof(struct result), .count = count };
    memcpy(header->magic, magic, sizeof(magic));
    memcpy(header->secret, verified_secret(verified), VERIFIED_SECRET_SIZE);
    munmap(header, size);
    return 0;
}

int
hand_over_give(struct verified *verified)
{
    int fd = memfd_create("testkase-verified", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && write_all(verified, fd, count_results(verified)) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* --- taking --- */

static bool
is_ours(const struct header *header, size_t size)
{
    return memcmp(header->magic, magic, sizeof(magic)) == 0 && header->layout == LAYOUT &&
           header->result_size == sizeof(struct result) && header->count <= RESULTS_MAX &&
           size == sizeof(*header) + header->count * sizeof(struct result);
}

static long
take_results(struct verified *verified, const struct header *header)
{
    const struct result *results = (const struct result *)(header + 1);
    verified_set_secret(verified, header->secret);
    for (size_t i = 0; i < header->count; i++) {
        verified_remember(verified, &results[i].key, VERIFIED_GOOD, results[i].token_id);
    }
    return (long)header->count;
}

long
hand_over_take(struct verified *verified, int fd)
{
    struct stat file;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & FIXED_SIZE) != FIXED_SIZE || fstat(fd, &file) < 0 ||
        file.st_size < (off_t)sizeof(struct header) ||
        file.st_size > (off_t)(sizeof(struct header) + RESULTS_MAX * sizeof(struct result))) {
        return -1;
    }
    size_t size = (size_t)file.st_size;
    struct header *header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (header == MAP_FAILED) {
        return -1;
    }
    long taken = is_ours(header, size) ? take_results(verified, header) : -1;
    secret_wipe(header, size);
    munmap(header, size);
    return taken;
}
