#include "reporter/reading.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE 65536

/* Fills the block as far as the file goes. Returns its length, or -1 and a fault. */
static ssize_t
read_block(int file, char block[BLOCK_SIZE], struct fault *ret_fault)
{
    size_t length = 0;
    while (length < BLOCK_SIZE) {
        ssize_t got = read(file, block + length, BLOCK_SIZE - length);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            fault_set(ret_fault, "cannot be read: %s", strerror(errno));
            return -1;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)length;
}

/* Settles the format by the file's start; -1 and a fault when it is none, or clearly another than asked for.
 */
static int
choose_format(struct reading *reading, const char *head, size_t length, struct fault *ret_fault)
{
    const struct format *seen = format_of_head(head, length);
    if (!reading->format) {
        reading->format = seen;
        if (!seen && length == 0) {
            fault_set(ret_fault, "the file is empty; the run was probably killed before it wrote anything");
        } else if (!seen) {
            fault_set(ret_fault, "it looks like none of the known formats; name its format by --format");
        }
        return seen ? 0 : -1;
    }
    bool is_other = seen && seen != reading->format;
    char first = head[strspn(head, " \t\r\n\xef\xbb\xbf")];
    bool is_foreign = reading->format->is_xml ? first == '{' || first == '[' : first == '<';
    if (is_other || length == 0 || is_foreign) {
        format_describe_head(reading->format, head, length, ret_fault);
        return -1;
    }
    return 0;
}

static int
feed_all(int file, char block[BLOCK_SIZE], size_t length, struct format_reader *reader,
         struct reading *reading, struct fault *ret_fault)
{
    while (length > 0) {
        reading->bytes += length;
        if (reading->on_block) {
            reading->on_block(reading->owner, length);
        }
        if (reading->format->feed(reader, block, length, ret_fault) < 0) {
            return -1;
        }
        ssize_t got = read_block(file, block, ret_fault);
        if (got < 0) {
            return -1;
        }
        length = (size_t)got;
    }
    return reading->format->finish(reader, ret_fault);
}

static int
read_file(int file, const struct format_sink *sink, struct reading *reading, struct fault *ret_fault)
{
    char block[BLOCK_SIZE + 1];
    ssize_t got = read_block(file, block, ret_fault);
    if (got < 0) {
        return -1;
    }
    block[got] = '\0';
    size_t length = (size_t)got;
    if (choose_format(reading, block, length < FORMAT_HEAD ? length : FORMAT_HEAD, ret_fault) < 0) {
        return -1;
    }
    struct format_reader *reader = reading->format->new (sink);
    int result = feed_all(file, block, length, reader, reading, ret_fault);
    reading->repairs = format_repairs(reader);
    reading->format->free(reader);
    return result;
}

int
reading_run(const char *path, const struct format_sink *sink, struct reading *reading,
            struct fault *ret_fault)
{
    if (strcmp(path, "-") == 0) {
        return read_file(STDIN_FILENO, sink, reading, ret_fault);
    }
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0) {
        fault_set(ret_fault, "cannot be opened: %s", strerror(errno));
        return -1;
    }
    int result = read_file(file, sink, reading, ret_fault);
    close(file);
    return result;
}
