/* epoll_ctl, epoll_wait and send of a program, called by the shared libzmq in place of libc's.
 *
 * An engine of libzmq must not be told of input while its input is stopped.  Two events do so:
 *   1. EPOLLHUP or EPOLLERR alone.  epoll reports them whether or not they are asked for.
 *   2. EPOLLHUP or EPOLLERR together with EPOLLIN.  libzmq reads once for each: the first read can
 *      stop the input, the second finds it stopped.
 * Therefore both bits are removed from every event.  What libzmq waits for takes their place:
 * reading finds the end of the connection, writing finds the error.  When libzmq waits for nothing,
 * the event is hidden.  The kernel would report it again at once, so the descriptor becomes
 * edge-triggered until libzmq's next epoll_ctl; then the kernel reports it anew.
 *
 * Such a connection ends when its input runs again, or else by its heartbeat.  But a write that
 * failed stays in libzmq's buffer, no heartbeat is sent behind it, and a connection whose input
 * never runs again (a second peer with the routing id of another) would stay for ever.  Therefore
 * send accepts and drops what is written to a connection whose hang-up was hidden.
 *
 * The kernel stores a pointer to our entry in place of libzmq's pointer, so that an event leads to
 * its entry without a search.  Entries are indexed by descriptor and never move or go away.
 * libzmq uses each epoll from one thread, but a descriptor's number moves between threads when it
 * is closed and opened again: the fields are atomic, and no order between them is needed.
 *
 * Until it is proven that libzmq calls all of them, the functions only count. */
#include "net/hangup.h"

#include "base/mem.h"
#include "net/net_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK_ENTRIES = 1 << 12, CHUNKS = 1 << 19 }; /* all that an int can number */

#define HANG_UP ((uint32_t)EPOLLHUP | (uint32_t)EPOLLERR)

struct entry {
    _Atomic uint64_t data;   /* libzmq's own */
    _Atomic uint32_t wanted; /* libzmq's events; EPOLLET alone: hidden and made edge-triggered */
    _Atomic int fd;
    _Atomic bool is_lost; /* a hang-up was hidden since the descriptor was added */
};
typedef int (*ctl_fn)(int ep, int op, int fd, struct epoll_event *event);
typedef int (*wait_fn)(int ep, struct epoll_event *events, int room, int timeout);
typedef ssize_t (*send_fn)(int fd, const void *bytes, size_t len, int flags);

/* epoll and send belong to the whole process, and so does this state. */
static struct {
    _Atomic(struct entry *) chunks[CHUNKS];
    _Atomic uintptr_t text_start; /* libzmq's code; none until hangup_start */
    _Atomic uintptr_t text_bytes;
    _Atomic ctl_fn next_ctl;
    _Atomic wait_fn next_wait;
    _Atomic send_fn next_send;
    _Atomic bool is_on; /* from here on entries are in use */
    _Atomic uint64_t ctl_calls, wait_calls, hidden;
} hangup_state;

/* The function behind this program's own of that name: libc's, or a sanitizer's in front of it. */
static void find_next(const char *name, void *function, size_t bytes) {
    void *found = dlsym(RTLD_NEXT, name);
    CHECK(found != NULL);
    memcpy(function, &found, bytes);
}

static ctl_fn forward_ctl(void) {
    ctl_fn next = atomic_load_explicit(&hangup_state.next_ctl, memory_order_relaxed);
    if (next == NULL) {
        find_next("epoll_ctl", &next, sizeof(next));
        atomic_store_explicit(&hangup_state.next_ctl, next, memory_order_relaxed);
    }
    return next;
}

static wait_fn forward_wait(void) {
    wait_fn next = atomic_load_explicit(&hangup_state.next_wait, memory_order_relaxed);
    if (next == NULL) {
        find_next("epoll_wait", &next, sizeof(next));
        atomic_store_explicit(&hangup_state.next_wait, next, memory_order_relaxed);
    }
    return next;
}

static send_fn forward_send(void) {
    send_fn next = atomic_load_explicit(&hangup_state.next_send, memory_order_relaxed);
    if (next == NULL) {
        find_next("send", &next, sizeof(next));
        atomic_store_explicit(&hangup_state.next_send, next, memory_order_relaxed);
    }
    return next;
}

static bool is_libzmq(const void *caller) {
    uintptr_t start = atomic_load_explicit(&hangup_state.text_start, memory_order_relaxed);
    return (uintptr_t)caller - start <
           atomic_load_explicit(&hangup_state.text_bytes, memory_order_relaxed);
}

static bool is_on(void) { return atomic_load_explicit(&hangup_state.is_on, memory_order_relaxed); }

/* libzmq's calls go to the kernel at once.  The next function can be an interceptor of
 * ThreadSanitizer, which does not see how libzmq opens and closes its descriptors. */
static int kernel_ctl(int ep, int op, int fd, struct epoll_event *event) {
    return (int)syscall(SYS_epoll_ctl, ep, op, fd, event);
}

static void count(_Atomic uint64_t *counter) {
    (void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static struct entry *entry_of(int fd) {
    _Atomic(struct entry *) *place = &hangup_state.chunks[(uint32_t)fd / CHUNK_ENTRIES];
    struct entry *chunk = atomic_load_explicit(place, memory_order_acquire);
    if (chunk == NULL) {
        struct entry *made = mem_zero(CHUNK_ENTRIES, sizeof(*made));
        if (atomic_compare_exchange_strong(place, &chunk, made)) {
            chunk = made;
        } else {
            mem_free(made); /* another thread was first, and chunk is its chunk */
        }
    }
    return &chunk[(uint32_t)fd % CHUNK_ENTRIES];
}

int epoll_ctl(int ep, int op, int fd, struct epoll_event *event) {
    if (!is_libzmq(__builtin_return_address(0))) {
        return forward_ctl()(ep, op, fd, event);
    }
    count(&hangup_state.ctl_calls);
    if (!is_on() || op == EPOLL_CTL_DEL || fd < 0) {
        return kernel_ctl(ep, op, fd, event);
    }
    struct entry *entry = entry_of(fd);
    atomic_store_explicit(&entry->data, event->data.u64, memory_order_relaxed);
    atomic_store_explicit(&entry->wanted, event->events, memory_order_relaxed);
    atomic_store_explicit(&entry->fd, fd, memory_order_relaxed);
    if (op == EPOLL_CTL_ADD) {
        atomic_store_explicit(&entry->is_lost, false, memory_order_relaxed);
    }
    struct epoll_event ours = {.events = event->events, .data.ptr = entry};
    return kernel_ctl(ep, op, fd, &ours);
}

/* Makes the descriptor edge-triggered, once: each change makes the kernel report it once more. */
static void hide(int ep, struct entry *entry) {
    count(&hangup_state.hidden);
    if (atomic_load_explicit(&entry->wanted, memory_order_relaxed) == EPOLLET) {
        return;
    }
    atomic_store_explicit(&entry->wanted, EPOLLET, memory_order_relaxed);
    atomic_store_explicit(&entry->is_lost, true, memory_order_relaxed);
    struct epoll_event edge = {.events = EPOLLET, .data.ptr = entry};
    int fd = atomic_load_explicit(&entry->fd, memory_order_relaxed);
    /* The kernel has just reported this descriptor to the only thread that may remove it. */
    CHECK(kernel_ctl(ep, EPOLL_CTL_MOD, fd, &edge) == 0);
}

/* Turns the kernel's event into libzmq's; false when it is hidden. */
static bool translate(int ep, struct epoll_event *event) {
    struct entry *entry = event->data.ptr;
    if ((event->events & HANG_UP) != 0) {
        uint32_t wanted = atomic_load_explicit(&entry->wanted, memory_order_relaxed);
        uint32_t instead = (wanted & EPOLLIN) != 0 ? EPOLLIN : wanted & EPOLLOUT;
        event->events = (event->events & ~HANG_UP) | instead;
        if (event->events == 0) {
            hide(ep, entry);
            return false;
        }
    }
    event->data.u64 = atomic_load_explicit(&entry->data, memory_order_relaxed);
    return true;
}

/* When all events are hidden, the result is 0 before the timeout: libzmq looks at its timers and
 * waits again. */
int epoll_wait(int ep, struct epoll_event *events, int room, int timeout) {
    if (!is_libzmq(__builtin_return_address(0))) {
        return forward_wait()(ep, events, room, timeout);
    }
    int found = (int)syscall(SYS_epoll_pwait, ep, events, room, timeout, NULL, (size_t)0);
    count(&hangup_state.wait_calls);
    if (!is_on()) {
        return found;
    }
    int kept = 0;
    for (int i = 0; i < found; i++) {
        struct epoll_event event = events[i];
        if (translate(ep, &event)) {
            events[kept++] = event;
        }
    }
    return found < 0 ? found : kept;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags) {
    if (!is_libzmq(__builtin_return_address(0))) {
        return forward_send()(fd, bytes, len, flags);
    }
    if (is_on() && fd >= 0 && atomic_load_explicit(&entry_of(fd)->is_lost, memory_order_relaxed)) {
        return (ssize_t)len;
    }
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, (socklen_t)0);
}

/* Takes the code segment that holds the address in *held. */
static int find_text(struct dl_phdr_info *info, size_t bytes, void *held) {
    (void)bytes;
    uintptr_t address = *(uintptr_t *)held;
    for (uint16_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && address - start < segment->p_memsz) {
            atomic_store_explicit(&hangup_state.text_bytes, segment->p_memsz, memory_order_relaxed);
            atomic_store_explicit(&hangup_state.text_start, start, memory_order_relaxed);
            return 1;
        }
    }
    return 0;
}

void hangup_counts(struct hangup_counts *counts) {
    counts->ctl = atomic_load_explicit(&hangup_state.ctl_calls, memory_order_relaxed);
    counts->wait = atomic_load_explicit(&hangup_state.wait_calls, memory_order_relaxed);
    counts->hidden = atomic_load_explicit(&hangup_state.hidden, memory_order_relaxed);
}

/* Whether a library finds this program's function under that name. */
static bool is_exported(const char *name, uintptr_t function) {
    return (uintptr_t)dlsym(RTLD_DEFAULT, name) == function;
}

/* A socket starts libzmq's threads, each with an epoll; at the end of the context each of them has
 * waited at least once. */
static enum err use_libzmq(struct diag *diag) {
    struct net *net = NULL;
    enum err err = net_open(&net, diag);
    if (err != ERR_OK) {
        return err;
    }
    void *socket = zmq_socket(net->context, ZMQ_ROUTER);
    if (socket == NULL) {
        err = diag_fail(diag, ERR_SYSTEM, "no more sockets: %s", zmq_strerror(errno));
    } else {
        CHECK(zmq_close(socket) == 0);
    }
    net_close(&net);
    return err;
}

/* Errors: ERR_SYSTEM. */
static enum err prove(struct diag *diag) {
    struct hangup_counts before;
    struct hangup_counts after;
    hangup_counts(&before);
    enum err err = use_libzmq(diag);
    hangup_counts(&after);
    bool is_called = after.ctl > before.ctl && after.wait > before.wait &&
                     is_exported("epoll_ctl", (uintptr_t)&epoll_ctl) &&
                     is_exported("epoll_wait", (uintptr_t)&epoll_wait) &&
                     is_exported("send", (uintptr_t)&send);
    if (err == ERR_OK && !is_called) {
        err = diag_fail(diag, ERR_SYSTEM,
                        "libzmq does not call this program's epoll_ctl, epoll_wait and send, and "
                        "would abort when a peer hangs up: was the program linked without "
                        "--export-dynamic-symbol, or stripped of its symbols?");
    }
    return err;
}

enum err hangup_start(struct diag *diag) {
    if (is_on()) {
        return ERR_OK;
    }
    uintptr_t address = (uintptr_t)dlsym(RTLD_DEFAULT, "zmq_ctx_new");
    if (address == 0 || dl_iterate_phdr(find_text, &address) == 0) {
        return diag_fail(diag, ERR_SYSTEM, "the code of libzmq is not found in this program");
    }
    enum err err = prove(diag);
    atomic_store_explicit(&hangup_state.is_on, err == ERR_OK, memory_order_relaxed);
    return err;
}
