/* The actions of the core are executed here, and checked against the true state of the world. */
#include "sim/world.h"

#include "wire/results.h"

static struct sim_record *record_must(struct sim_broker *broker, uint64_t seq) {
    struct sim_record *record = record_of(broker, seq);
    CHECK(record != NULL && record->queued && !record->deleted);
    return record;
}

static uint32_t route_bit(const struct net_route *route) {
    CHECK(route->len == 1 && route->near[0] < ROUTES);
    return 1U << route->near[0];
}

/* The client of this route has the last reply that it waits for. */
static void settle_client(struct world *world, const struct sim_batch *told, uint8_t route) {
    for (uint32_t i = 0; i < world->batch_count; i++) {
        struct sim_batch *batch = &world->batches[i];
        bool same = batch->source == told->source && batch->name == told->name &&
                    batch->first == told->first && batch->count == told->count &&
                    batch->version == told->version;
        batch->done = batch->done || (same && batch->route == route);
    }
}

/* P2: an outcome of this or another content, or a dead letter, is committed. */
static bool case_is_safe(const struct sim_batch *batch, uint32_t index, const struct sim_row *row) {
    bool buried = (row->buried >> batch->version & 1) != 0;
    return case_is_bad(batch, index) || buried || (row->version != 0 && row->owner == 0);
}

/* P2: recomputed case by case from the rows of the database. */
static void check_counts(struct world *world, struct sim_broker *broker,
                         const struct sim_record *record, const struct core_counts *counts) {
    const struct sim_batch *batch = &world->batches[record->batch];
    uint32_t outcomes[WIRE_DISPOSITIONS] = {0};
    uint32_t dead = 0;
    uint32_t of_others = 0; /* written by the work of another batch: duplicates here */
    uint32_t either = 0;    /* buried, and yet written: reported as the one or the other */
    uint32_t told = counts->dead_count;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct sim_row *row = row_of(world, batch, i);
        bool buried = (row->buried >> batch->version & 1) != 0;
        bool stands = row->version == batch->version + 1 && row->owner == 0;
        CHECK(case_is_safe(batch, i, row));
        if (buried && stands) {
            either++;
            continue;
        }
        if (case_is_bad(batch, i) || !stands) {
            dead++;
            continue;
        }
        outcomes[row->disposition]++;
        of_others += row->broker != broker->index || row->seq != record->seq ? 1 : 0;
    }
    CHECK(counts->dead_count >= dead && counts->dead_count <= dead + either);
    for (int i = 0; i < WIRE_DISPOSITIONS; i++) {
        CHECK(counts->outcomes[i] >= outcomes[i] && counts->outcomes[i] <= outcomes[i] + either);
        told += counts->outcomes[i];
    }
    CHECK(told == batch->count);
    bool exact = true;
    uint32_t dups = 0;
    for (const struct sim_book *book = record->books; book != NULL; book = book->next) {
        CHECK(book->done);
        exact = exact && book->exact;
        dups += book->dups;
    }
    CHECK(counts->duplicates >= of_others);
    CHECK(!exact || counts->duplicates == dups);
}

/* Each case once, whatever was sent twice, late, in part or around earlier parts. */
static void check_results(const struct core_action *action) {
    if (action->route.channel != CORE_CHANNEL_RESULTS) {
        CHECK(action->done.counts.runs == NULL);
        return;
    }
    struct arena arena;
    arena_init(&arena, 64 << 20);
    const struct core_runs *runs = action->done.counts.runs;
    CHECK(runs != NULL && runs->cases == action->done.count);
    struct wire_result *results = arena_zero(&arena, action->done.count, sizeof(*results));
    CHECK(results_read(buf_span(&runs->bytes), &arena, results, action->done.count) == ERR_OK);
    arena_free(&arena);
}

static void on_done(struct world *world, struct sim_broker *broker,
                    const struct core_action *action) {
    struct sim_record *record = record_must(broker, action->seq);
    struct sim_batch *batch = &world->batches[record->batch];
    struct uuid id = batch_id(batch->name);
    uint32_t bit = route_bit(&action->route);
    CHECK(uuid_eq(&action->batch, &id) && action->done.count == batch->count);
    CHECK((record->may_done & bit) != 0);
    CHECK(record->durable && !record->quarantined);
    record->may_done &= ~bit;
    record->must_done &= ~bit;
    check_counts(world, broker, record, &action->done.counts);
    check_results(action);
    settle_client(world, batch, action->route.near[0]);
}

/* P5; DONE is sent before. */
static void on_delete(struct world *world, struct sim_broker *broker,
                      const struct core_action *action) {
    struct sim_record *record = record_must(broker, action->seq);
    CHECK(record->durable);
    if (!record->quarantined) {
        CHECK(record->must_done == 0);
        record->done_run = broker->run;
        const struct sim_batch *batch = &world->batches[record->batch];
        for (uint32_t i = 0; i < batch->count; i++) {
            const struct sim_row *row = row_of(world, batch, i);
            CHECK(case_is_safe(batch, i, row));
        }
    }
    trace(world, "broker %u: seq %llu leaves the journal", broker->index,
          (unsigned long long)record->seq);
    record->deleted = true;
    broker->live--;
    book_close(record);
}

/* P1 */
static void on_accepted(struct world *world, struct sim_broker *broker,
                        const struct core_action *action) {
    struct sim_record *record = record_must(broker, action->seq);
    struct sim_batch *batch = &world->batches[record->batch];
    CHECK(record->durable && !record->quarantined);
    record->must_accept &= ~route_bit(&action->route);
    record->accepted = true;
    if (action->route.near[0] >= REQ_ROUTES && !batch->outcome_ack) {
        settle_client(world, batch, action->route.near[0]); /* the only reply to such a REQ */
    }
}

/* Of the part that was cut first; the caller finds the bytes of a piece itself. */
static void check_bytes(const struct sim_batch *batch, const struct core_work *work) {
    uint32_t begins = work->first / CORE_PART_CASES * CORE_PART_CASES;
    uint32_t left = batch->count - begins;
    uint32_t cases = left < CORE_PART_CASES ? left : CORE_PART_CASES;
    uint32_t names = batch_is_rows(batch) ? NAMES_BYTES : 0;
    CHECK(work->begins == begins && work->offset == names + begins * CASE_BYTES);
    CHECK(work->length == cases * CASE_BYTES);
    CHECK(work->piece == (work->count < cases));
}

static void on_work(struct world *world, struct sim_broker *broker,
                    const struct core_action *action) {
    const struct core_work *work = &action->work;
    struct sim_record *record = record_must(broker, action->seq);
    const struct sim_batch *batch = &world->batches[record->batch];
    CHECK(!record->quarantined && !broker->paused);
    CHECK(work->first < batch->count && work->count <= batch->count - work->first);
    check_bytes(batch, work);
    CHECK(work->accepted_at == record->accepted_at && (uint32_t)work->priority == batch->priority);
    CHECK(core_source_name(broker->core, work->source)[1] == '0' + batch->source);
    book_work(world, broker, record, action);
    for (uint32_t i = 0; i < broker->lane_count; i++) {
        const struct sim_heard *heard = &broker->lanes[i];
        if (uuid_eq(&heard->uuid, &work->lane)) {
            uint64_t held[3] = {0};
            book_held(broker, heard, held);
            CHECK(held[0] == 1 || work->attempt == 1);
            CHECK(held[0] == 1 ||
                  (held[1] <= heard->credit_cases && held[2] <= heard->credit_bytes));
            broker->dealt += held[0] == 1 ? 0 : work->length;
            CHECK(held[0] == 1 || (held[2] <= broker->room && broker->dealt <= broker->room));
            CHECK(heard->credit_cases > 0 && heard->credit_bytes > 0);
        }
    }
    if (!world->calm && record->durable && fault(world, FAULT_DISK_DAMAGE)) {
        record->found_damaged = true;
    } else if (broker->unsent_count < UNSENT_MAX && fault(world, FAULT_UNSENT)) {
        broker->unsent[broker->unsent_count++] =
            (struct sim_unsent){work->lane, action->seq, work->first};
    } else if (!record->found_damaged) {
        lane_work(world, broker, action);
    }
}

/* BUSY only with its reason. */
static void on_busy(struct sim_broker *broker, const struct core_action *action) {
    switch (action->busy.reason) {
    case WIRE_BUSY_JOURNAL_FULL:
        CHECK(broker->full);
        break;
    case WIRE_BUSY_QUEUE_FULL:
        CHECK(broker->live >= LIVE_MAX || !broker->placed);
        break;
    case WIRE_BUSY_RATE:
        CHECK(broker->crowded);
        break;
    case WIRE_BUSY_STOPPED:
        CHECK(broker->stopped || action->route.delimited);
        break;
    }
}

static void on_action(struct world *world, struct sim_broker *broker,
                      const struct core_action *action) {
    switch (action->kind) {
    case CORE_ACCEPTED:
        on_accepted(world, broker, action);
        break;
    case CORE_DONE:
        on_done(world, broker, action);
        break;
    case CORE_DELETE:
        on_delete(world, broker, action);
        break;
    case CORE_WORK:
    case CORE_BURY:
        on_work(world, broker, action);
        break;
    case CORE_BUSY:
        on_busy(broker, action);
        break;
    case CORE_FENCE:
        lane_fence(world, broker, &action->route);
        break;
    case CORE_CANARY:
        book_canary(world, broker, action);
        lane_canary(world, broker, action);
        break;
    case CORE_BEAT:
        if (action->retire) {
            lane_retire(world, &action->route);
        }
        break;
    case CORE_READY_ASK:
        lane_ask(world, &action->route, broker->index);
        break;
    case CORE_REFUSED: /* client_send checks it */
    case CORE_RELEASE:
    case CORE_STATUS:
    case CORE_WELCOME:
        break;
    }
}

/* WORK that could not be sent, and damaged records, are reported after the actions. */
static void say_unsent(struct world *world, struct sim_broker *broker) {
    for (uint32_t i = 0; i < broker->unsent_count; i++) {
        const struct sim_unsent *unsent = &broker->unsent[i];
        trace(world, "broker %u: seq %llu from %u cannot be sent", broker->index,
              (unsigned long long)unsent->seq, unsent->first);
        book_unsent(broker, &unsent->lane, unsent->seq, unsent->first);
        core_unsent(broker->core, &unsent->lane, unsent->seq, unsent->first);
    }
    broker->unsent_count = 0;
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        if (broker->records[i].found_damaged) {
            broker->records[i].found_damaged = false;
            disk_damage(world, broker, &broker->records[i]);
        }
    }
}

void perform(struct world *world, struct sim_broker *broker) {
    size_t count = 0;
    const struct core_action *actions = core_actions(broker->core, &count);
    for (size_t i = 0; i < count; i++) {
        on_action(world, broker, &actions[i]);
    }
    core_actions_clear(broker->core);
    if (count > 0) {
        say_unsent(world, broker);
    }
}

/* When the faults have ended nothing is left, except damaged batches that were not sent again. */
void check_end(struct world *world) {
    for (uint32_t b = 0; b < BROKERS; b++) {
        const struct sim_broker *broker = &world->brokers[b];
        for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
            CHECK(broker->records[i].deleted || broker->records[i].quarantined);
        }
    }
    for (uint32_t i = 0; i < world->batch_count; i++) {
        CHECK(world->batches[i].done || world->batches[i].forgotten);
    }
    for (uint32_t b = 0; b < BROKERS; b++) {
        const struct sim_broker *broker = &world->brokers[b];
        for (uint32_t r = 0; r < broker->record_count; r++) {
            const struct sim_record *record = &broker->records[r];
            const struct sim_batch *batch = &world->batches[record->batch];
            for (uint32_t i = 0; record->accepted && i < batch->count; i++) {
                const struct sim_row *row = row_of(world, batch, i);
                CHECK(case_is_safe(batch, i, row));
            }
        }
    }
}
