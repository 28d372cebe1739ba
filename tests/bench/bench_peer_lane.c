/* Replaces worker/lane_net.c: the lanes of casemill's worker take their work from another
 * queue.  All else is the worker's own code: the loop, decoding, evaluation, rows, transactions,
 * the counts for reports.  A lane decides ahead while PostgreSQL works, as it does for casemill.
 * The linker takes these definitions and leaves lane_net.c out. */
#include "bench_peer.h"
#include "worker/lane_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* As in lane_net.c. */
enum { CREDIT_TRANSACTIONS = 2 };
enum { REOPEN_MS = 100, HELD_FIRST = 1024 };

struct held {
    struct peer_mark mark;
    uint64_t seq;
    uint32_t cases;
    uint32_t opened; /* the connection it came from */
};

struct seat {
    const struct peer *peer;
    struct peer_take_options options;
    struct lane *lane;
    void *take; /* NULL while the queue is away */
    uint32_t opened;
    int64_t reopen_at_ms;
    uint32_t message_cases, cases_max, held_cases;
    bool has_new_room; /* for the next step, which no descriptor announces */
    uint64_t next_seq;
    struct held *held; /* a ring, oldest first: lanes finish messages in the order they got them */
    uint32_t first, count, cap;
    struct parcel *parcel; /* of the present step */
};

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_peers: %s\n", what);
    exit(1);
}

/* The link's socket belongs to lane_net.c alone, which is not here. */
static struct seat *seat_of(const struct lane *lane) {
    return (struct seat *)(void *)lane->links[0].socket;
}

enum err lane_connect_brokers(struct lane *lane, struct diag *diag) {
    const char *text = lane->options.brokers[0];
    size_t name = strcspn(text, " ");
    char *address = NULL;
    struct seat *seat = mem_zero(1, sizeof(*seat));
    lane->links[0].socket = (struct net_socket *)(void *)seat;
    seat->lane = lane;
    seat->peer = peer_find(span_make(text, name));
    if (seat->peer == NULL || text[name] == '\0') {
        return diag_fail(diag, ERR_INVALID, "no such peer: %s", text);
    }
    seat->message_cases = (uint32_t)strtoul(text + name, &address, 10);
    CHECK(seat->message_cases > 0);
    seat->cases_max = CREDIT_TRANSACTIONS * lane->options.cases_max;
    seat->options = (struct peer_take_options){.address = address + 1,
                                               .lane = lane->number,
                                               .messages = seat->cases_max / seat->message_cases};
    lane->links[0].journal = uuid_random();
    lane->links[0].welcomed = true;
    lane->link_count = 1;
    return ERR_OK;
}

static void note_up(struct seat *seat, bool is_up) {
    atomic_store(&seat->lane->stats.links_up, is_up ? 1U : 0U);
}

static void close_take(struct seat *seat) {
    if (seat->take != NULL) {
        seat->peer->take_close(&seat->take);
        seat->reopen_at_ms = clock_mono_ms() + REOPEN_MS;
    }
    note_up(seat, false);
}

void lane_close_brokers(struct lane *lane) {
    struct seat *seat = seat_of(lane);
    if (seat != NULL) {
        close_take(seat);
        mem_free(seat->held);
        mem_free(seat);
        lane->links[0].socket = NULL;
    }
    lane->link_count = 0;
}

static void keep_open(struct seat *seat) {
    if (seat->take != NULL || !seat->lane->credit_open || clock_mono_ms() < seat->reopen_at_ms) {
        return;
    }
    enum err err = seat->peer->take_open(&seat->options, &seat->take);
    if (err == ERR_OK) {
        seat->opened++;
        seat->has_new_room = true;
        note_up(seat, true);
    } else if (err == ERR_CONNECTION) {
        seat->reopen_at_ms = clock_mono_ms() + REOPEN_MS;
    } else {
        fail("the queue refuses a lane");
    }
}

uint32_t seat_room(const struct seat *seat) {
    return seat->held_cases >= seat->cases_max
               ? 0
               : (seat->cases_max - seat->held_cases) / seat->message_cases;
}

static void hold(struct seat *seat, const struct held *held) {
    if (seat->count == seat->cap) {
        uint32_t cap = seat->cap == 0 ? HELD_FIRST : seat->cap * 2;
        struct held *ring = mem_alloc(cap * sizeof(*ring));
        for (uint32_t i = 0; i < seat->count; i++) {
            ring[i] = seat->held[(seat->first + i) & (seat->cap - 1)];
        }
        mem_free(seat->held);
        seat->held = ring;
        seat->cap = cap;
        seat->first = 0;
    }
    seat->held[(seat->first + seat->count++) & (seat->cap - 1)] = *held;
    seat->held_cases += held->cases;
}

/* The delivery and its bytes, in the parcel of this step; NULL: it is full. */
static struct wire_delivery *copy_message(struct parcel *parcel, struct span body,
                                          struct span *copy) {
    struct wire_delivery *delivery = arena_zero(&parcel->arena, 1, sizeof(*delivery));
    *copy = delivery == NULL ? (struct span){NULL, 0} : arena_copy(&parcel->arena, body);
    return copy->ptr == NULL ? NULL : delivery;
}

void seat_put(struct seat *seat, struct span message, const struct peer_mark *mark) {
    struct span copy = {NULL, 0};
    if (message.len < PEER_HEAD_BYTES) {
        fail("a message of the queue is too short");
    }
    struct span body = span_from(message, PEER_HEAD_BYTES);
    struct wire_delivery *delivery = copy_message(seat->parcel, body, &copy);
    if (delivery == NULL) {
        parcel_unref(&seat->parcel);
        seat->parcel = parcel_new();
        delivery = copy_message(seat->parcel, body, &copy);
        CHECK(delivery != NULL);
    }
    *delivery = (struct wire_delivery){.length = (uint32_t)body.len,
                                       .seq = seat->next_seq++,
                                       .count = get_le32(message.ptr),
                                       .attempt = 1,
                                       .accepted_at = clock_wall_us(),
                                       .source = SPAN_LIT("local"),
                                       .priority = WIRE_NORMAL};
    struct job *job = job_new(seat->parcel, delivery);
    job->journal = seat->lane->links[0].journal;
    job->body = copy;
    inbox_put(&seat->lane->inbox, job);
    hold(seat, &(struct held){.mark = *mark,
                              .seq = delivery->seq,
                              .cases = delivery->count,
                              .opened = seat->opened});
}

static void step(struct seat *seat, bool is_readable) {
    seat->parcel = parcel_new();
    enum err err = seat->peer->take_step(seat->take, seat, is_readable);
    parcel_unref(&seat->parcel);
    if (err == ERR_INVALID) {
        fail("the queue gave an answer that was not expected");
    }
    if (err != ERR_OK) { /* what the lane holds is committed without an acknowledgement */
        close_take(seat);
    }
}

bool lane_poll(struct lane *lane, int fd, bool want_write, int64_t timeout_ms) {
    struct seat *seat = seat_of(lane);
    struct pollfd fds[PEER_FDS_MAX + 2] = {
        {.fd = net_wake_fd(lane->wake), .events = POLLIN},
        {.fd = fd, .events = (short)(want_write ? POLLIN | POLLOUT : POLLIN)}};
    uint32_t count = 2; /* poll skips a descriptor of -1 */
    keep_open(seat);
    int64_t wait_ms = seat->has_new_room ? 0 : timeout_ms;
    seat->has_new_room = false;
    if (seat->take != NULL) {
        count += seat->peer->take_fds(seat->take, fds + count, &wait_ms);
    } else if (wait_ms > REOPEN_MS) {
        wait_ms = REOPEN_MS;
    }
    lane_beat_if_due(lane);
    if (poll(fds, count, (int)wait_ms) < 0) {
        return false;
    }
    if (fds[0].revents != 0) {
        net_wake_clear(lane->wake);
    }
    bool is_readable = false;
    for (uint32_t i = 2; i < count; i++) {
        is_readable = is_readable || fds[i].revents != 0;
    }
    if (seat->take != NULL && lane->credit_open) {
        step(seat, is_readable);
    }
    return fd >= 0 && fds[1].revents != 0;
}

void lane_beat_if_due(struct lane *lane) { atomic_store(&lane->stats.turned_at, clock_mono_ms()); }

void lane_set_phase(struct lane *lane, const char *phase) { lane->phase = phase; }

/* The seat takes work while the lane's credit is open. */
void lane_send_ready(struct lane *lane) { (void)lane; }

void lane_send_bye(struct lane *lane) { (void)lane; }

/* DONE: acknowledges what came over the present connection.  The queue will hand out the rest
 * again, and the table settles it as duplicates. */
void lane_send_with(struct lane *lane, uint32_t link, const struct wire_message *message,
                    struct span body) {
    struct seat *seat = seat_of(lane);
    uint32_t count = 0;
    (void)body;
    CHECK(link == 0);
    CHECK(message->command == WIRE_LANE_DONE);
    uint32_t done = message->lane_done.range_count;
    struct peer_mark *marks = mem_alloc(done * sizeof(*marks));
    for (uint32_t i = 0; i < done; i++) {
        const struct held *held = &seat->held[seat->first];
        CHECK(seat->count > 0);
        CHECK(held->seq == message->lane_done.ranges[i].seq);
        if (held->opened == seat->opened && seat->take != NULL) {
            marks[count++] = held->mark;
        }
        seat->held_cases -= held->cases;
        seat->first = (seat->first + 1) & (seat->cap - 1);
        seat->count--;
    }
    seat->has_new_room = true;
    if (count > 0 && seat->peer->take_acknowledge(seat->take, marks, count) != ERR_OK) {
        close_take(seat);
    }
    mem_free(marks);
}

void lane_send_failed(struct lane *lane, const struct job *job, const char *reason) {
    (void)lane;
    (void)job;
    fail(reason);
}

static void drop_jobs(struct txn *txn) {
    for (uint32_t i = 0; i < txn->job_count; i++) {
        job_free(&txn->jobs[i]);
    }
    txn_reset(txn);
}

/* The queue returns the messages when the connection is closed, or later.  At the orderly end there
 * are none; their acknowledgements must have arrived, or the next run gets them again. */
void lane_give_back(struct lane *lane) {
    struct seat *seat = seat_of(lane);
    bool is_end = atomic_load(&lane->draining) && seat->count == 0 && seat->take != NULL;
    if (is_end && seat->peer->take_finish(seat->take) != ERR_OK) {
        fail("the queue went away before it had processed the last acknowledgements");
    }
    close_take(seat);
    seat->first = 0;
    seat->count = 0;
    seat->held_cases = 0;
    drop_jobs(&lane->writing);
    drop_jobs(&lane->txn);
    lane->deciding.open = false;
    for (struct job *job = inbox_take(&lane->inbox); job != NULL; job = inbox_take(&lane->inbox)) {
        job_free(&job);
    }
}
