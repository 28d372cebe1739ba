/* One thread calls another out of its poll: an eventfd, so that the sanitizers see the hand-over.
 */
#include "net/net.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct net_wake {
    int fd;
};

enum err net_wake_open(struct net_wake **wake, struct diag *diag) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        return diag_fail(diag, ERR_SYSTEM, "no more descriptors: %s; raise the limit (ulimit -n)",
                         strerror(errno));
    }
    *wake = mem_zero(1, sizeof(**wake));
    (*wake)->fd = fd;
    return ERR_OK;
}

void net_wake_free(struct net_wake **wake) {
    if (*wake == NULL) {
        return;
    }
    CHECK(close((*wake)->fd) == 0);
    mem_free(*wake);
    *wake = NULL;
}

int net_wake_fd(const struct net_wake *wake) { return wake->fd; }

void net_wake_poke(struct net_wake *wake) {
    uint64_t one = 1;
    while (write(wake->fd, &one, sizeof(one)) < 0) {
        if (errno == EAGAIN) { /* poked to the limit already: it will wake */
            return;
        }
        CHECK(errno == EINTR);
    }
}

void net_wake_clear(struct net_wake *wake) {
    uint64_t pokes = 0;
    while (read(wake->fd, &pokes, sizeof(pokes)) < 0) {
        if (errno == EAGAIN) {
            return;
        }
        CHECK(errno == EINTR);
    }
}
