/* The lane and its brokers: one DEALER each, because one DEALER connected to two would spread its
 * messages.  A message that cannot be sent is not lost: the broker dispatches the work again. */
#include "worker/lane_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/secret.h"
#include "worker/work_read.h"

#include <stdio.h>

enum { QUIET_MS_MIN = 1000, QUIET_MS_MAX = 30000, AWAY_MS = 5000, WHY_MS = 5000 };
enum { MESSAGES_PER_POLL = 64, CREDIT_TRANSACTIONS = 2 };
#define CREDIT_BYTES ((uint64_t)32 << 20)
#define MESSAGE_BYTES_MAX ((size_t)64 << 20)

enum err lane_connect_brokers(struct lane *lane, struct diag *diag) {
    struct net_options options = {
        .message_bytes_max = MESSAGE_BYTES_MAX, .hwm = 0, .linger_ms = 1000};
    for (uint32_t i = 0; i < lane->options.broker_count; i++) {
        const char *broker = lane->options.brokers[i];
        bool is_keyed = lane->options.curves != NULL && strncmp(broker, "tcp://", 6) == 0;
        options.curve = is_keyed ? &lane->options.curves[i] : NULL;
        enum err err =
            net_dealer_connect(lane->options.net, broker, &options, &lane->links[i].socket, diag);
        if (err != ERR_OK) {
            return err;
        }
        lane->link_count++;
    }
    return ERR_OK;
}

void lane_close_brokers(struct lane *lane) {
    for (uint32_t i = 0; i < lane->link_count; i++) {
        away_drop(&lane->links[i].question);
        net_socket_close(&lane->links[i].socket);
    }
    lane->link_count = 0;
}

void lane_set_phase(struct lane *lane, const char *phase) {
    if (strcmp(lane->phase, phase) != 0) {
        lane->phase = phase;
        atomic_store(&lane->stats.phase, phase);
        lane->phase_since_ms = clock_mono_ms();
    }
}

/* An empty body is no frame. */
void lane_send_with(struct lane *lane, uint32_t link, const struct wire_message *message,
                    struct span body) {
    buf_clear(&lane->head);
    wire_encode(message, &lane->head);
    struct net_part parts[2];
    net_part_copy(&parts[0], buf_span(&lane->head));
    if (body.len > 0) {
        net_part_copy(&parts[1], body);
    }
    enum err err = net_send(lane->links[link].socket, NULL, parts, body.len > 0 ? 2 : 1);
    (void)err; /* a full queue to a broker that is away: its next READY? corrects the state */
}

static void send_head(struct lane *lane, uint32_t link, const struct wire_message *message) {
    lane_send_with(lane, link, message, SPAN_LIT(""));
}

static uint32_t txn_ranges(const struct txn *txn, uint32_t link, struct wire_range *ranges) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < txn->job_count; i++) {
        if (txn->jobs[i]->link == link) {
            ranges[n++] = job_range(txn->jobs[i]);
        }
    }
    return n;
}

/* All ranges held of one broker: both transactions' jobs and the queue.  The caller frees. */
static struct wire_range *held_ranges(const struct lane *lane, uint32_t link, uint32_t *count) {
    size_t most = (size_t)lane->writing.job_count + lane->txn.job_count + lane->inbox.job_count;
    struct wire_range *ranges = mem_zero(most, sizeof(*ranges));
    uint32_t n = txn_ranges(&lane->writing, link, ranges);
    n += txn_ranges(&lane->txn, link, ranges + n);
    for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        for (const struct job *job = lane->inbox.first[priority]; job != NULL; job = job->next) {
            if (job->link == link) {
                ranges[n++] = job_range(job);
            }
        }
    }
    *count = n;
    return ranges;
}

/* proof: the reply to a challenge, or NULL. */
static void send_ready_with(struct lane *lane, uint32_t link, const struct uuid *proof) {
    struct wire_message message = {.command = WIRE_READY};
    struct wire_ready *ready = &message.ready;
    struct wire_range *holds = held_ranges(lane, link, &ready->hold_count);
    ready->uuid = lane->uuid;
    ready->name = span_str(lane->options.name);
    ready->version = SPAN_LIT(CASEMILL_VERSION);
    ready->ruleset =
        lane->rules == NULL ? SPAN_LIT("") : span_str(ruleset_id(lane->rules->ruleset));
    ready->holds = holds;
    ready->forms = WIRE_FORM_BIT(WIRE_FORM_ROWS);
    ready->has_proof = proof != NULL;
    ready->proof = proof != NULL ? *proof : ready->proof;
    if (lane->credit_open) {
        uint32_t cases = CREDIT_TRANSACTIONS * lane->options.cases_max / lane->link_count;
        ready->credit_cases = cases > 0 ? cases : 1;
        ready->credit_bytes = CREDIT_BYTES / lane->link_count;
    }
    send_head(lane, link, &message);
    mem_free(holds);
}

static void send_ready_to(struct lane *lane, uint32_t link) { send_ready_with(lane, link, NULL); }

void lane_send_ready(struct lane *lane) {
    for (uint32_t i = 0; i < lane->link_count; i++) {
        send_ready_to(lane, i);
    }
}

static void beat_to(struct lane *lane, uint32_t link, int64_t now_ms) {
    struct wire_message message = {.command = WIRE_LANE_BEAT};
    struct wire_lane_beat *beat = &message.lane_beat;
    struct wire_range *holds = held_ranges(lane, link, &beat->hold_count);
    beat->holds = holds;
    beat->phase = span_str(lane->phase);
    beat->since_ms = now_ms - lane->phase_since_ms;
    beat->done = atomic_load(&lane->stats.cases_done);
    send_head(lane, link, &message);
    mem_free(holds);
}

/* A refusal by a broker is logged once; the lane keeps trying. */
static void log_fault(struct lane *lane, uint32_t link) {
    const char *fault = net_connect_fault(lane->links[link].socket);
    if (fault != NULL && !lane->links[link].fault_logged) {
        LOG(EV_BROKER_REFUSED, "broker=%s text=\"%s\" lane=%s", lane->options.brokers[link], fault,
            lane->uuid_text);
    }
    lane->links[link].fault_logged = fault != NULL;
}

/* Whether the reason is known.  A lane never waits for a name server. */
static bool is_explained(struct link *link, const char *broker, int64_t now_ms,
                         char text[NET_WHY_BYTES]) {
    struct diag diag = {0};
    const char *fault = net_connect_fault(link->socket);
    if (fault != NULL) {
        (void)snprintf(text, NET_WHY_BYTES, "%s", fault);
        return true;
    }
    if (link->question == NULL) {
        if (away_ask(broker, &link->question, &diag) != ERR_OK) {
            (void)snprintf(text, NET_WHY_BYTES, "%.*s", NET_WHY_BYTES - 1, diag.text);
            return true;
        }
        link->asked_ms = now_ms;
    }
    if (away_is_answered(link->question, text)) {
        return true;
    }
    (void)snprintf(text, NET_WHY_BYTES, "no reason was found in %d s: does the name server answer?",
                   WHY_MS / 1000);
    return now_ms - link->asked_ms >= WHY_MS;
}

static void log_away(struct lane *lane, uint32_t i, int64_t now_ms) {
    struct link *link = &lane->links[i];
    char text[NET_WHY_BYTES];
    if (is_explained(link, lane->options.brokers[i], now_ms, text)) {
        LOG(EV_BROKER_AWAY, "broker=%s text=\"%s\" lane=%s", lane->options.brokers[i], text,
            lane->uuid_text);
        link->away_logged = true;
        away_drop(&link->question);
    }
}

/* A broker without a connection is logged once it has been away for a while. */
static void note_link(struct lane *lane, uint32_t i, int64_t now_ms) {
    struct link *link = &lane->links[i];
    const char *broker = lane->options.brokers[i];
    bool is_up = net_is_connected(link->socket);
    if (is_up != link->is_up) {
        uint64_t up = atomic_load(&lane->stats.links_up);
        atomic_store(&lane->stats.links_up, is_up ? up + 1 : up - 1); /* the only writer */
        atomic_store(&lane->stats.link_is_up[link - lane->links], is_up);
        link->down_since_ms = now_ms;
    }
    if (is_up && !link->is_up) {
        LOG(EV_BROKER_CONNECTED, "broker=%s lane=%s", broker, lane->uuid_text);
        link->away_logged = false;
        away_drop(&link->question);
    }
    link->is_up = is_up;
    link->down_since_ms = link->down_since_ms == 0 ? now_ms : link->down_since_ms;
    if (!is_up && !link->away_logged && now_ms - link->down_since_ms >= AWAY_MS) {
        log_away(lane, i, now_ms);
    }
}

void lane_beat_if_due(struct lane *lane) {
    int64_t now_ms = clock_mono_ms();
    atomic_store(&lane->stats.turned_at, now_ms);
    if (now_ms < lane->beat_at_ms) {
        return;
    }
    lane->beat_at_ms = now_ms + lane->beat_ms;
    for (uint32_t i = 0; i < lane->link_count; i++) {
        if (lane->links[i].quiet_ms == 0) {
            beat_to(lane, i, now_ms);
        } else if (now_ms >= lane->links[i].quiet_until_ms) {
            send_ready_to(lane, i);
        }
        log_fault(lane, i);
        note_link(lane, i, now_ms);
    }
}

static bool is_fenced(const struct lane *lane, const struct uuid *uuid) {
    for (uint32_t i = 0; i < lane->fence_count; i++) {
        if (uuid_eq(&lane->fence[i], uuid)) {
            return true;
        }
    }
    return false;
}

static void take_fence(struct lane *lane, const struct wire_work *work) {
    for (uint32_t i = 0; i < work->fence_count && lane->fence_count < FENCE_MAX; i++) {
        if (!uuid_eq(&work->fence[i], &lane->uuid) && !is_fenced(lane, &work->fence[i])) {
            lane->fence[lane->fence_count++] = work->fence[i];
        }
    }
}

static bool wants_results(const struct job *job) {
    struct work_history history = {0};
    if (!job->bury) {
        return work_wants_results(job->delivery->extra);
    }
    work_read_history(job->delivery->extra, &history);
    return history.wants_results;
}

/* False when the bytes are not in the message. */
static bool find_bytes(const struct parcel *parcel, uint32_t frame_number, uint32_t offset,
                       uint32_t length, struct span *bytes) {
    uint64_t part = (uint64_t)frame_number + 1;
    if (part >= parcel->message.part_count) {
        return false;
    }
    struct span frame = net_part_span(&parcel->message.parts[part]);
    if ((uint64_t)offset + length > frame.len) {
        return false;
    }
    *bytes = span_make(frame.ptr + offset, length);
    return true;
}

/* The names of a delivery's rows; empty: its cases are maps. */
static bool find_names(const struct parcel *parcel, const struct wire_delivery *delivery,
                       struct span *names) {
    const struct wire_work *work = &parcel->head.work;
    *names = SPAN_LIT("");
    if (delivery->names == 0) {
        return true;
    }
    if (delivery->names > work->names_count) {
        return false;
    }
    const struct wire_names *where = &work->names[delivery->names - 1];
    return where->length > 0 &&
           find_bytes(parcel, where->frame, where->offset, where->length, names);
}

/* False when the delivery's bytes are not in the message. */
static bool take_delivery(struct lane *lane, uint32_t link, struct parcel *parcel,
                          const struct wire_delivery *delivery) {
    struct span body;
    struct span names;
    if (!find_bytes(parcel, delivery->frame, delivery->offset, delivery->length, &body) ||
        !find_names(parcel, delivery, &names)) {
        return false;
    }
    struct job *job = job_new(parcel, delivery);
    job->link = link;
    job->journal = lane->links[link].journal;
    job->body = body;
    job->names = names;
    job->bury = parcel->head.command == WIRE_BURY;
    job->reapply = span_is(parcel->head.work.mode, "reapply");
    job->retry = span_is(parcel->head.work.mode, "retry");
    job->results = span_is(parcel->head.work.mode, "intake") && wants_results(job);
    struct wire_range range = job_range(job);
    if (inbox_has(&lane->inbox, &range)) {
        job_free(&job);
        return true;
    }
    inbox_put(&lane->inbox, job);
    return true;
}

static void refuse_modes(struct lane *lane, uint32_t link, const struct wire_work *work) {
    struct wire_range *ranges = mem_zero(work->delivery_count, sizeof(*ranges));
    for (uint32_t i = 0; i < work->delivery_count; i++) {
        const struct wire_delivery *delivery = &work->deliveries[i];
        ranges[i] = (struct wire_range){.journal = lane->links[link].journal,
                                        .seq = delivery->seq,
                                        .first = delivery->first,
                                        .count = delivery->count};
    }
    struct wire_message message = {.command = WIRE_FAILED,
                                   .failed = {.range_count = work->delivery_count,
                                              .ranges = ranges,
                                              .reason = SPAN_LIT("unknown mode of work")}};
    send_head(lane, link, &message);
    mem_free(ranges);
}

static void take_work(struct lane *lane, uint32_t link, struct parcel *parcel) {
    const struct wire_work *work = &parcel->head.work;
    bool canary = span_is(work->mode, "canary");
    take_fence(lane, work);
    lane->links[link].low_water = work->low_water;
    lane->links[link].low_water_at = work->low_water_at;
    lane->links[link].canary = lane->links[link].canary || canary;
    if (!canary && !span_is(work->mode, "intake") && !span_is(work->mode, "reapply") &&
        !span_is(work->mode, "retry")) {
        refuse_modes(lane, link, work);
        return;
    }
    for (uint32_t i = 0; i < work->delivery_count; i++) {
        if (!take_delivery(lane, link, parcel, &work->deliveries[i])) {
            LOG(EV_PEER_REFUSED, "peer=broker delivery=%u reason=\"bytes outside the frame\"", i);
        }
    }
}

/* A broker of another version may be updated or replaced, so the lane asks it again, with growing
 * pauses; other brokers are served meanwhile. */
static void leave_alone(struct lane *lane, uint32_t link, struct span version) {
    struct link *broker = &lane->links[link];
    if (broker->quiet_ms == 0) {
        LOG(EV_PEER_VERSION, "broker=%s it_speaks=%.*s this_speaks=%s", lane->options.brokers[link],
            SPAN_ARG(version), WIRE_VERSION);
    }
    if (clock_mono_ms() >= broker->quiet_until_ms) { /* messages in transit count once */
        int64_t longer = broker->quiet_ms == 0 ? QUIET_MS_MIN : broker->quiet_ms * 2;
        broker->quiet_ms = longer < QUIET_MS_MAX ? longer : QUIET_MS_MAX;
        broker->quiet_until_ms = clock_mono_ms() + broker->quiet_ms;
    }
    broker->welcomed = false;
}

/* Logged once until the broker has welcomed the lane. */
static void log_unproved(struct lane *lane, uint32_t link, const char *text) {
    if (!lane->links[link].proof_logged) {
        LOG(EV_BROKER_REFUSED, "broker=%s text=\"%s\" lane=%s", lane->options.brokers[link], text,
            lane->uuid_text);
    }
    lane->links[link].proof_logged = true;
}

/* The file is read each time: the broker may have made or replaced it meanwhile. */
static void take_challenge(struct lane *lane, uint32_t link,
                           const struct wire_challenge *challenge) {
    uint32_t count = lane->options.secret_count;
    struct net_secret secret;
    struct diag diag = {0};
    if (count == 0) {
        log_unproved(lane, link,
                     "it requires proof that this lane can read its secret: set broker.secret to "
                     "lane.secret of its journal.path");
        return;
    }
    if (net_secret_read(lane->options.secrets[count == 1 ? 0 : link], &secret, &diag) != ERR_OK) {
        log_unproved(lane, link, diag.text);
        return;
    }
    struct uuid proof = net_secret_answer(&secret, &challenge->nonce, &lane->uuid);
    send_ready_with(lane, link, &proof);
}

static void take_refused(struct lane *lane, uint32_t link, const struct wire_refused *refused) {
    if (refused->reason == WIRE_REASON_UNKNOWN_VERSION) {
        leave_alone(lane, link, refused->version);
    } else if (refused->reason == WIRE_REASON_NOT_ALLOWED) {
        log_unproved(lane, link,
                     "it refuses this lane's proof: broker.secret is not its lane.secret");
    } else if (refused->reason == WIRE_REASON_TOO_MANY_LANES) {
        log_unproved(lane, link, "it has reached its limit of lanes");
    } else {
        LOG(EV_PEER_REFUSED, "peer=broker reason=%s", wire_reason_word(refused->reason));
    }
}

/* A heartbeat goes to all brokers at once, so it uses the shortest interval: no broker may lose
 * this lane because of another. */
static int64_t shortest_beat(const struct lane *lane) {
    int64_t shortest = INT64_MAX;
    for (uint32_t i = 0; i < lane->link_count; i++) {
        int64_t beat_ms = lane->links[i].beat_ms;
        shortest = beat_ms > 0 && beat_ms < shortest ? beat_ms : shortest;
    }
    CHECK(shortest < INT64_MAX); /* at least that of the present WELCOME */
    return shortest;
}

/* A new journal has new low-water marks: those of the old one are invalid. */
static void take_welcome(struct lane *lane, uint32_t link, const struct wire_welcome *welcome) {
    struct link *broker = &lane->links[link];
    if (!uuid_eq(&broker->journal, &welcome->journal)) {
        broker->journal = welcome->journal;
        broker->low_water = 0;
        broker->low_water_at = 0;
    }
    broker->welcomed = true;
    broker->proof_logged = false;
    broker->quiet_ms = 0;
    broker->beat_ms = welcome->beat_ms;
    lane->beat_ms = shortest_beat(lane);
}

static void take_message(struct lane *lane, uint32_t link, struct parcel *parcel) {
    struct wire_decode_fault fault = {0};
    struct span head =
        parcel->message.part_count == 0 ? SPAN_LIT("") : net_part_span(&parcel->message.parts[0]);
    enum err err =
        wire_decode(head, WIRE_WORKER, WIRE_FROM_BROKER, &parcel->arena, &parcel->head, &fault);
    if (err == ERR_VERSION) {
        leave_alone(lane, link, fault.version);
        return;
    }
    if (err != ERR_OK) {
        LOG(EV_PEER_REFUSED, "peer=broker reason=%s", wire_reason_word(fault.reason));
        return;
    }
    switch ((int)parcel->head.command) {
    case WIRE_WELCOME:
        take_welcome(lane, link, &parcel->head.welcome);
        return;
    case WIRE_WORK:
    case WIRE_BURY:
        if (lane->links[link].welcomed) {
            take_work(lane, link, parcel);
        } else {
            send_ready_to(lane, link); /* without WELCOME its ranges have no journal */
        }
        return;
    case WIRE_CHALLENGE:
        take_challenge(lane, link, &parcel->head.challenge);
        return;
    case WIRE_READY_ASK:
        send_ready_to(lane, link);
        return;
    case WIRE_BEAT:
        if (parcel->head.beat.retire) {
            atomic_store(&lane->draining, true);
        }
        return;
    case WIRE_DRAIN:
        atomic_store(&lane->draining, true);
        return;
    case WIRE_REFUSED:
        take_refused(lane, link, &parcel->head.refused);
        return;
    default:
        LOG(EV_PEER_REFUSED, "peer=broker command=%s", wire_command_name(parcel->head.command));
        return;
    }
}

static void take_messages(struct lane *lane, uint32_t link) {
    for (int i = 0; i < MESSAGES_PER_POLL; i++) {
        struct parcel *parcel = parcel_new();
        enum err err = net_recv(lane->links[link].socket, &parcel->message);
        if (err == ERR_OK) {
            take_message(lane, link, parcel);
        }
        parcel_unref(&parcel);
        if (err != ERR_OK) {
            return;
        }
    }
}

bool lane_poll(struct lane *lane, int fd, bool want_write, int64_t timeout_ms) {
    struct net_poll_item items[LINKS_MAX + 2] = {0};
    uint32_t count = lane->link_count;
    for (uint32_t i = 0; i < lane->link_count; i++) {
        items[i].socket = lane->links[i].socket;
    }
    items[count++].fd = net_wake_fd(lane->wake);
    if (fd >= 0) {
        items[count].fd = fd;
        items[count++].want_write = want_write;
    }
    int64_t until_beat = lane->beat_at_ms - clock_mono_ms();
    int64_t wait_ms = until_beat < timeout_ms ? until_beat : timeout_ms;
    if (net_poll(items, count, wait_ms > 0 ? wait_ms : 0) != ERR_OK) {
        return false;
    }
    const struct net_poll_item *last = &items[count - 1];
    bool ready = fd >= 0 && (last->ready || last->ready_write);
    if (items[lane->link_count].ready) {
        net_wake_clear(lane->wake);
    }
    for (uint32_t i = 0; i < lane->link_count; i++) {
        if (items[i].ready) {
            take_messages(lane, i);
        }
    }
    lane_beat_if_due(lane);
    return ready;
}

void lane_send_failed(struct lane *lane, const struct job *job, const char *reason) {
    struct wire_range range = job_range(job);
    struct wire_message message = {
        .command = WIRE_FAILED,
        .failed = {.range_count = 1, .ranges = &range, .reason = span_str(reason)}};
    send_head(lane, job->link, &message);
}

static void drop_jobs(struct txn *txn) {
    for (uint32_t i = 0; i < txn->job_count; i++) {
        job_free(&txn->jobs[i]);
    }
    txn_reset(txn);
}

void lane_give_back(struct lane *lane) {
    for (uint32_t i = 0; i < lane->link_count; i++) {
        struct wire_message message = {.command = WIRE_RETURN};
        struct wire_range *ranges = held_ranges(lane, i, &message.returned.range_count);
        message.returned.ranges = ranges;
        if (message.returned.range_count > 0) {
            send_head(lane, i, &message);
        }
        mem_free(ranges);
        lane->links[i].canary = false;
    }
    drop_jobs(&lane->writing);
    drop_jobs(&lane->txn);
    lane->deciding.open = false;
    for (struct job *job = inbox_take(&lane->inbox); job != NULL; job = inbox_take(&lane->inbox)) {
        job_free(&job);
    }
}

void lane_send_bye(struct lane *lane) {
    struct wire_message message = {.command = WIRE_BYE};
    for (uint32_t i = 0; i < lane->link_count; i++) {
        send_head(lane, i, &message);
    }
}
