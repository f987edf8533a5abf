#include "server/take_over/message.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char magic[8] = "TKTAKES";

#define FIXED_SIZE (offsetof(struct message, reason) + sizeof(uint32_t)) /* what every version has */

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MESSAGE_DESCRIPTORS_MAX * sizeof(int))];
};

struct message
message_of(enum message_kind kind)
{
    struct message message = { .version = MESSAGE_VERSION, .kind = (uint32_t)kind };
    memcpy(message.magic, magic, sizeof(magic));
    return message;
}

const char *
message_reason_text(uint32_t reason)
{
    static const char *const texts[] = {
        [MESSAGE_OTHER_VERSION] = "the two are of versions that hand over in different ways",
        [MESSAGE_OTHER_ADDRESSES] = "the two have different addresses in TESTKASE_METRICS_LISTEN",
        [MESSAGE_NOT_READY] = "the running server is not ready yet itself",
        [MESSAGE_BUSY] = "another server is taking over already",
        [MESSAGE_TOO_MANY_SOCKETS] = "the running server has too many listening sockets",
        [MESSAGE_TOO_LATE] = "the running server has waited for too long",
    };
    bool known = reason < sizeof(texts) / sizeof(texts[0]) && texts[reason];
    return known ? texts[reason] : "the running server does not say why";
}

/* --- sending --- */

int
message_send(int fd, const struct message *message, const int *descriptors, int count)
{
    union control control;
    struct iovec bytes = { .iov_base = (void *)message, .iov_len = sizeof(*message) };
    struct msghdr packet = { .msg_iov = &bytes, .msg_iovlen = 1 };
    size_t size = (size_t)count * sizeof(int);
    if (count > MESSAGE_DESCRIPTORS_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (count > 0) {
        memset(&control, 0, sizeof(control));
        packet.msg_control = control.bytes;
        packet.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *head = CMSG_FIRSTHDR(&packet);
        *head =
            (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(size) };
        memcpy(CMSG_DATA(head), descriptors, size);
    }
    return sendmsg(fd, &packet, MSG_NOSIGNAL) == (ssize_t)sizeof(*message) ? 0 : -1;
}

/* --- receiving --- */

/* Copies the descriptors of a packet out of it, the first MESSAGE_DESCRIPTORS_MAX; there is no room for more.
 */
static int
collect(struct msghdr *packet, int *descriptors)
{
    int count = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(packet); head; head = CMSG_NXTHDR(packet, head)) {
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
            size_t size = head->cmsg_len - CMSG_LEN(0);
            memcpy(descriptors + count, CMSG_DATA(head), size);
            count += (int)(size / sizeof(int));
        }
    }
    return count;
}

static enum message_outcome
judge(const struct message *message, size_t length, int flags)
{
    if (length < FIXED_SIZE || memcmp(message->magic, magic, sizeof(magic)) != 0) {
        return MESSAGE_STRANGE;
    }
    if (message->version != MESSAGE_VERSION) {
        return MESSAGE_FOREIGN;
    }
    return length == sizeof(*message) && !(flags & (MSG_TRUNC | MSG_CTRUNC)) ? MESSAGE_HERE : MESSAGE_STRANGE;
}

static enum message_outcome
outcome_of_failure(void)
{
    return errno == EAGAIN || errno == EINTR ? MESSAGE_NOT_YET : MESSAGE_ENDED;
}

enum message_outcome
message_receive(int fd, struct message *ret_message, int *descriptors, int *ret_count)
{
    union control control;
    struct message message = { .version = 0 };
    int received[MESSAGE_DESCRIPTORS_MAX];
    struct iovec bytes = { .iov_base = &message, .iov_len = sizeof(message) };
    struct msghdr packet = { .msg_iov = &bytes, .msg_iovlen = 1 };
    if (descriptors) {
        packet.msg_control = control.bytes;
        packet.msg_controllen = sizeof(control.bytes);
    }
    ssize_t length = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
    if (length < 0 && errno == ECONNRESET) {
        /* The other process has closed without reading what was sent to it. What it has sent is still here.
         */
        length = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
    }
    if (length <= 0) {
        return length < 0 ? outcome_of_failure() : MESSAGE_ENDED;
    }
    int count = collect(&packet, received);
    enum message_outcome outcome = judge(&message, (size_t)length, packet.msg_flags);
    if (outcome != MESSAGE_HERE) {
        while (count > 0) {
            close(received[--count]);
        }
    }
    if (outcome == MESSAGE_HERE || outcome == MESSAGE_FOREIGN) {
        *ret_message = message;
    }
    if (outcome == MESSAGE_HERE && descriptors) {
        memcpy(descriptors, received, (size_t)count * sizeof(int));
        *ret_count = count;
    }
    return outcome;
}
