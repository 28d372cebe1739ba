/* epoll_ctl, epoll_wait, send, recv and accept4 of a program, called by the shared libzmq in place
 * of libc's.
 *
 * An engine of libzmq must not receive an input event while its input is stopped.  Two events do
 * so:
 *   1. EPOLLHUP or EPOLLERR alone.  epoll reports them even if they were not requested.
 *   2. EPOLLHUP or EPOLLERR together with EPOLLIN.  libzmq reads once for each: the first read can
 *      stop the input, the second finds it stopped.
 * Therefore both bits are removed from every event.  The events that libzmq waits for replace
 * them: reading finds the end of the connection, writing finds the error.  When libzmq waits for
 * nothing, the event is hidden.  The kernel would report it again at once, so the descriptor
 * becomes edge-triggered until libzmq's next epoll_ctl; then the kernel reports it again.
 *
 * Such a connection ends when its input runs again, or else by its heartbeat.  But a failed write
 * stays in libzmq's buffer, and no heartbeat is sent after it.  A connection whose input never runs
 * again (a second peer with the routing id of another) would then stay forever.  Therefore send
 * accepts and drops data for a connection whose hang-up was hidden.
 *
 * The kernel stores a pointer to our entry in place of libzmq's pointer, so that an event leads to
 * its entry without a search.  Entries are indexed by descriptor and are never moved or freed.
 * libzmq uses each epoll from one thread.  But a descriptor's number moves between threads when it
 * is closed and opened again: the fields are atomic, and no order between them is needed.
 *
 * The event that names a connection's socket comes a moment after libzmq accepts it, on a busy
 * machine a long one.  A TCP listener of a metered socket has an entry with that socket's meter,
 * and accept4 copies it: such a connection has its limit from the first byte.
 *
 * A connection of a metered socket (net_priv.h) is read up to its limit.  At the limit recv returns
 * nothing, and the kernel stops reporting input.  The connection is held until the socket's thread
 * has read some of it; its peer's data waits in TCP.  Several threads decide about one descriptor.
 * So a lock is held while the kernel's events change, while bytes are counted, and while a
 * descriptor changes its socket.  No byte is counted for one socket and taken off another.
 *
 * Until it is proven that libzmq calls all of them, the functions only count. */
#include "net/hangup.h"

#include "base/check.h"
#include "base/mem.h"
#include "net/net_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK_ENTRIES = 1 << 12, CHUNKS = 1 << 19 }; /* every descriptor that fits an int */

#define HANG_UP ((uint32_t)EPOLLHUP | (uint32_t)EPOLLERR)

struct entry {
    _Atomic uint64_t data;   /* libzmq's own */
    _Atomic uint32_t wanted; /* libzmq's events */
    _Atomic int fd, ep;
    _Atomic bool is_lost;  /* a hang-up was hidden since the descriptor was added */
    _Atomic bool is_edge;  /* a hang-up was hidden and the descriptor made edge-triggered */
    _Atomic bool is_named; /* its meter is that of its listener: no event may change it */
    _Atomic bool is_held;  /* input is not reported: the unread bytes are at their limit */
    _Atomic(struct net_meter *) meter; /* NULL: no limit */
    _Atomic int64_t unread;            /* bytes that libzmq has read, less those of messages read */
    struct entry *held_before, *held_after; /* with the lock; a list of held entries */
};
enum function { EPOLL_CTL, EPOLL_WAIT, SEND, RECV, ACCEPT, FUNCTIONS };
typedef int (*ctl_fn)(int ep, int op, int fd, struct epoll_event *event);
typedef int (*wait_fn)(int ep, struct epoll_event *events, int room, int timeout);
typedef ssize_t (*send_fn)(int fd, const void *bytes, size_t len, int flags);
typedef ssize_t (*recv_fn)(int fd, void *bytes, size_t room, int flags);
typedef int (*accept_fn)(int fd, struct sockaddr *address, socklen_t *bytes, int flags);

/* epoll, send and recv belong to the whole process, and so does this state. */
static struct {
    _Atomic(struct entry *) chunks[CHUNKS];
    _Atomic uintptr_t text_start; /* libzmq's code; none until hangup_start */
    _Atomic uintptr_t text_bytes;
    _Atomic uintptr_t next[FUNCTIONS];
    _Atomic bool is_on; /* entries are in use while this is set */
    _Atomic uint64_t ctl_calls, wait_calls, hidden;
    _Atomic uint32_t held_count;
    struct entry *held; /* with the lock */
} hangup_state;
static pthread_mutex_t hangup_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock(void) { CHECK(pthread_mutex_lock(&hangup_lock) == 0); }

static void unlock(void) { CHECK(pthread_mutex_unlock(&hangup_lock) == 0); }

/* The next function of that name after this program's own: libc's, or a sanitizer's interceptor. */
static uintptr_t next_of(enum function function) {
    static const char *const names[] = {"epoll_ctl", "epoll_wait", "send", "recv", "accept4"};
    uintptr_t next = atomic_load_explicit(&hangup_state.next[function], memory_order_relaxed);
    if (next == 0) {
        next = (uintptr_t)dlsym(RTLD_NEXT, names[function]);
        CHECK(next != 0);
        atomic_store_explicit(&hangup_state.next[function], next, memory_order_relaxed);
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
    _Atomic(struct entry *) *slot = &hangup_state.chunks[(uint32_t)fd / CHUNK_ENTRIES];
    struct entry *chunk = atomic_load_explicit(slot, memory_order_acquire);
    if (chunk == NULL) {
        struct entry *made = mem_zero(CHUNK_ENTRIES, sizeof(*made));
        if (atomic_compare_exchange_strong(slot, &chunk, made)) {
            chunk = made;
        } else {
            mem_free(made); /* another thread was first, and chunk is its chunk */
        }
    }
    return &chunk[(uint32_t)fd % CHUNK_ENTRIES];
}

/* The events that libzmq waits for; no input while the entry is held. */
static uint32_t wishes(struct entry *entry) {
    uint32_t wanted = atomic_load(&entry->wanted);
    return atomic_load(&entry->is_held) ? wanted & ~(uint32_t)EPOLLIN : wanted;
}

/* With the lock; the descriptor is libzmq's, and has not been removed. */
static void update_kernel(struct entry *entry, uint32_t events) {
    struct epoll_event ours = {.events = events, .data.ptr = entry};
    CHECK(kernel_ctl(atomic_load(&entry->ep), EPOLL_CTL_MOD, atomic_load(&entry->fd), &ours) == 0);
}

/* With the lock. */
static void set_held(struct entry *entry, bool is_held) {
    if (is_held) {
        entry->held_before = NULL;
        entry->held_after = hangup_state.held;
        hangup_state.held = entry;
    } else if (entry->held_before == NULL) {
        hangup_state.held = entry->held_after;
    } else {
        entry->held_before->held_after = entry->held_after;
    }
    if (entry->held_after != NULL) {
        entry->held_after->held_before = is_held ? entry : entry->held_before;
    }
    atomic_fetch_add(&hangup_state.held_count, is_held ? 1U : UINT32_MAX);
    atomic_store(&entry->is_held, is_held);
}

/* With the lock. */
static void release(struct entry *entry) {
    set_held(entry, false);
    atomic_store(&entry->is_edge, false);
    update_kernel(entry, atomic_load(&entry->wanted));
}

static bool has_left_much(struct net_meter *meter) {
    return atomic_load(&meter->left) > atomic_load(&meter->wake_above);
}

/* How many bytes libzmq may still read of it; 0 while all connections exceed their limit. */
static size_t room_left(struct entry *entry) {
    struct net_meter *meter = atomic_load(&entry->meter);
    int64_t room = meter == NULL ? INT64_MAX : meter->each_max - atomic_load(&entry->unread);
    return room > 0 && (meter == NULL || !has_left_much(meter)) ? (size_t)room : 0;
}

static bool is_full(struct entry *entry) { return room_left(entry) == 0; }

static void poke(struct net_meter *meter) {
    struct net_wake *wake = meter == NULL ? NULL : atomic_load(&meter->wake);
    if (wake != NULL) {
        net_wake_poke(wake);
    }
}

/* False if the socket's thread read meanwhile: it checks is_held after reading, and this function
 * checks the unread bytes after it sets is_held. */
static bool hold(struct entry *entry) {
    lock();
    if (!atomic_load(&entry->is_held)) {
        set_held(entry, true);
        update_kernel(entry, wishes(entry));
        poke(atomic_load(&entry->meter)); /* it may be a message that never becomes complete */
    }
    bool is_held = is_full(entry);
    if (!is_held) {
        release(entry);
    }
    unlock();
    return is_held;
}

/* Subtracts at most so many bytes; returns how many. */
static int64_t take_off(_Atomic int64_t *from, int64_t bytes) {
    int64_t now = atomic_load(from);
    int64_t taken = 0;
    do {
        taken = now < bytes ? now : bytes;
    } while (!atomic_compare_exchange_weak(from, &now, now - taken));
    return taken;
}

/* Of an ipc connection, and of a listener.  The event that names an ipc connection's socket comes
 * late.  Until then its bytes may be counted for the socket that used the descriptor before; they
 * are subtracted there. */
static void limit(int fd, struct net_meter *meter) {
    struct entry *entry = entry_of(fd);
    lock();
    struct net_meter *before = atomic_load(&entry->meter);
    if (atomic_load(&entry->is_named)) {
        unlock();
        return; /* the event may be that of an earlier connection */
    }
    atomic_store(&entry->meter, meter);
    if (before != NULL && before != meter) {
        atomic_fetch_sub(&before->standing, atomic_exchange(&entry->unread, 0));
        if (atomic_load(&entry->is_held)) {
            release(entry);
        }
    }
    unlock();
}

/* Returns how many of the bytes belonged to an earlier connection with this number. */
static int64_t lighten(struct entry *entry, struct net_meter *meter, int64_t bytes) {
    int64_t taken = 0;
    lock();
    if (atomic_load(&entry->meter) == meter) {
        taken = take_off(&entry->unread, bytes);
        atomic_fetch_sub(&meter->standing, taken);
    }
    unlock();
    return bytes - taken;
}

static void forgive(int fd, struct net_meter *meter, int64_t bytes) {
    int64_t beyond = lighten(entry_of(fd), meter, bytes);
    (void)beyond; /* nothing to subtract */
}

/* Releases held connections that are below their limit. */
static void release_due(struct net_meter *meter) {
    if (atomic_load(&hangup_state.held_count) == 0) {
        return;
    }
    lock();
    struct entry *next = NULL;
    for (struct entry *entry = hangup_state.held; entry != NULL; entry = next) {
        next = entry->held_after;
        if (atomic_load(&entry->meter) == meter && !is_full(entry)) {
            release(entry);
        }
    }
    unlock();
}

static void was_read(int fd, struct net_meter *meter, int64_t bytes) {
    struct entry *entry = entry_of(fd);
    int64_t beyond = lighten(entry, meter, bytes);
    bool was_much = has_left_much(meter);
    (void)take_off(&meter->left, beyond);
    if (atomic_load(&entry->is_held) || (was_much && !has_left_much(meter))) {
        release_due(meter);
    }
}

/* An ended connection is read to its end.  A connection that is full although no message is left
 * sends one message above its limit, or bytes that are no message.  It is read further, and the
 * door weighs it. */
static void none_left(struct net_meter *meter) {
    if (atomic_load(&meter->left) != 0) {
        atomic_store(&meter->left, 0);
    }
    if (atomic_load(&hangup_state.held_count) == 0) {
        return;
    }
    lock();
    for (struct entry *entry = hangup_state.held; entry != NULL; entry = entry->held_after) {
        if (atomic_load(&entry->meter) == meter && is_full(entry)) {
            atomic_fetch_sub(&meter->standing, atomic_exchange(&entry->unread, 0));
        }
    }
    unlock();
    release_due(meter);
}

/* With the lock. */
static void forget(struct entry *entry) {
    struct net_meter *meter = atomic_exchange(&entry->meter, NULL);
    int64_t unread = atomic_exchange(&entry->unread, 0);
    atomic_store(&entry->is_named, false);
    if (meter != NULL) {
        atomic_fetch_sub(&meter->standing, unread);
        atomic_fetch_add(&meter->left, unread);
    }
    if (atomic_load(&entry->is_held)) {
        set_held(entry, false);
    }
}

/* With the lock. */
static int change(int ep, int op, int fd, const struct epoll_event *event) {
    struct entry *entry = entry_of(fd);
    if (op == EPOLL_CTL_DEL) {
        forget(entry);
        return kernel_ctl(ep, op, fd, NULL);
    }
    atomic_store(&entry->data, event->data.u64);
    atomic_store(&entry->wanted, event->events);
    atomic_store(&entry->fd, fd);
    atomic_store(&entry->ep, ep);
    atomic_store(&entry->is_edge, false);
    if (op == EPOLL_CTL_ADD) {
        atomic_store(&entry->is_lost, false);
    }
    struct epoll_event ours = {.events = wishes(entry), .data.ptr = entry};
    return kernel_ctl(ep, op, fd, &ours);
}

int epoll_ctl(int ep, int op, int fd, struct epoll_event *event) {
    if (!is_libzmq(__builtin_return_address(0))) {
        return ((ctl_fn)next_of(EPOLL_CTL))(ep, op, fd, event);
    }
    count(&hangup_state.ctl_calls);
    if (!is_on() || fd < 0) {
        return kernel_ctl(ep, op, fd, event);
    }
    lock();
    int result = change(ep, op, fd, event);
    int error = errno;
    unlock();
    errno = error;
    return result;
}

/* Makes the descriptor edge-triggered, once: each change makes the kernel report it once more. */
static void hide(struct entry *entry) {
    count(&hangup_state.hidden);
    lock();
    bool may_read = (wishes(entry) & EPOLLIN) != 0; /* it was released meanwhile */
    if (!may_read && !atomic_load(&entry->is_edge)) {
        atomic_store(&entry->is_edge, true);
        atomic_store(&entry->is_lost, true);
        update_kernel(entry, EPOLLET);
    }
    unlock();
}

/* Turns the kernel's event into libzmq's; false when it is hidden. */
static bool translate(struct epoll_event *event) {
    struct entry *entry = event->data.ptr;
    if ((event->events & HANG_UP) != 0) {
        uint32_t wanted = wishes(entry);
        uint32_t instead = (wanted & EPOLLIN) != 0 ? EPOLLIN : wanted & EPOLLOUT;
        event->events = (event->events & ~HANG_UP) | instead;
        if (event->events == 0) {
            hide(entry);
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
        return ((wait_fn)next_of(EPOLL_WAIT))(ep, events, room, timeout);
    }
    int found = (int)syscall(SYS_epoll_pwait, ep, events, room, timeout, NULL, (size_t)0);
    count(&hangup_state.wait_calls);
    if (!is_on()) {
        return found;
    }
    int kept = 0;
    for (int i = 0; i < found; i++) {
        struct epoll_event event = events[i];
        if (translate(&event)) {
            events[kept++] = event;
        }
    }
    return found < 0 ? found : kept;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags) {
    if (!is_libzmq(__builtin_return_address(0))) {
        return ((send_fn)next_of(SEND))(fd, bytes, len, flags);
    }
    if (is_on() && fd >= 0 && atomic_load_explicit(&entry_of(fd)->is_lost, memory_order_relaxed)) {
        return (ssize_t)len;
    }
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, (socklen_t)0);
}

/* Pokes each time that the waiting bytes rise above the limit. */
static void note(struct entry *entry, int64_t bytes) {
    if (atomic_load(&entry->meter) == NULL) {
        return;
    }
    lock();
    struct net_meter *meter = atomic_load(&entry->meter);
    int64_t now = 0;
    if (meter != NULL) {
        atomic_fetch_add(&entry->unread, bytes);
        now = atomic_fetch_add(&meter->standing, bytes) + atomic_load(&meter->left) + bytes;
    }
    unlock();
    int64_t wake_above = meter == NULL ? INT64_MAX : atomic_load(&meter->wake_above);
    if (now > wake_above && now - bytes <= wake_above) {
        poke(meter);
    }
}

/* This name is only for the linker: libc's header has its own inline recv. */
ssize_t hangup_recv(int fd, void *bytes, size_t room, int flags) __asm__("recv");

/* libzmq reads one piece for each time that input is reported. */
ssize_t hangup_recv(int fd, void *bytes, size_t room, int flags) {
    if (!is_libzmq(__builtin_return_address(0))) {
        return ((recv_fn)next_of(RECV))(fd, bytes, room, flags);
    }
    struct entry *entry = is_on() && fd >= 0 ? entry_of(fd) : NULL;
    size_t left = entry == NULL ? room : room_left(entry);
    while (left == 0 && room > 0) {
        if (hold(entry)) {
            errno = EAGAIN;
            return -1;
        }
        left = room_left(entry);
    }
    ssize_t got = syscall(SYS_recvfrom, fd, bytes, left < room ? left : room, flags, NULL, NULL);
    if (entry != NULL && got > 0) {
        note(entry, got);
    }
    return got;
}

/* The new descriptor was closed before, so nothing is counted for it. */
static void inherit(int listener, int fd) {
    lock();
    struct net_meter *meter = atomic_load(&entry_of(listener)->meter);
    atomic_store(&entry_of(fd)->meter, meter);
    atomic_store(&entry_of(fd)->is_named, meter != NULL);
    unlock();
}

/* A name for the linker, as of recv: libc's header declares another type. */
int hangup_accept(int fd, struct sockaddr *address, socklen_t *bytes, int flags) __asm__("accept4");

int hangup_accept(int fd, struct sockaddr *address, socklen_t *bytes, int flags) {
    if (!is_libzmq(__builtin_return_address(0))) {
        return ((accept_fn)next_of(ACCEPT))(fd, address, bytes, flags);
    }
    int accepted = (int)syscall(SYS_accept4, fd, address, bytes, flags);
    if (is_on() && fd >= 0 && accepted >= 0) {
        inherit(fd, accepted);
    }
    return accepted;
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

/* A socket starts libzmq's threads, each with an epoll; each has waited at least once when the
 * context ends. */
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
                     is_exported("send", (uintptr_t)&send) &&
                     is_exported("recv", (uintptr_t)&hangup_recv) &&
                     is_exported("accept4", (uintptr_t)&hangup_accept);
    if (err == ERR_OK && !is_called) {
        err = diag_fail(
            diag, ERR_SYSTEM,
            "libzmq does not call this program's epoll_ctl, epoll_wait, send, recv "
            "and accept4, and would abort when a peer hangs up: was the program linked without "
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
    if (err == ERR_OK) {
        static const struct net_limiter limiter = {
            .limit = limit, .was_read = was_read, .forgive = forgive, .none_left = none_left};
        net_limiter_set(&limiter);
        atomic_store(&hangup_state.is_on, true);
    }
    return err;
}
