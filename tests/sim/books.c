/* Books beside each core: which lane holds what, how often a delivery failed, when each lane
 * sent its last message. They receive every event that the core receives, and each dispatch and
 * each count of the core must agree with them. */
#include "base/mem.h"
#include "sim/world.h"

enum { PIECES = 16 };

void book_open(struct sim_record *record, uint32_t count) {
    struct sim_book **end = &record->books;
    CHECK(*end == NULL);
    for (uint32_t first = 0; first < count; first += CORE_PART_CASES) {
        struct sim_book *book = mem_zero(1, sizeof(*book));
        book->first = first;
        book->count = count - first < CORE_PART_CASES ? count - first : CORE_PART_CASES;
        *end = book;
        end = &book->next;
    }
}

void book_close(struct sim_record *record) {
    while (record->books != NULL) {
        struct sim_book *book = record->books;
        record->books = book->next;
        mem_free(book);
    }
}

void book_crash(struct sim_broker *broker) {
    broker->lane_count = 0;
    memset(broker->last_first, 0, sizeof(broker->last_first));
}

static bool overlaps(const struct sim_book *book, const struct wire_range *range) {
    return range->first < book->first + book->count && book->first < range->first + range->count;
}

/* The record that a range names; NULL: the core must ignore it. */
static struct sim_record *range_record(struct sim_broker *broker, const struct wire_range *range) {
    struct sim_record *record =
        uuid_eq(&range->journal, &broker->journal) ? record_of(broker, range->seq) : NULL;
    return record == NULL || record->quarantined ? NULL : record;
}

static struct sim_heard *heard_by_route(struct sim_broker *broker, const struct net_route *route) {
    for (uint32_t i = 0; i < broker->lane_count; i++) {
        struct sim_heard *heard = &broker->lanes[i];
        if (net_route_eq(&heard->route, route)) {
            return heard;
        }
    }
    return NULL;
}

static struct sim_heard *heard_by_uuid(struct sim_broker *broker, const struct uuid *uuid) {
    for (uint32_t i = 0; i < broker->lane_count; i++) {
        if (uuid_eq(&broker->lanes[i].uuid, uuid)) {
            return &broker->lanes[i];
        }
    }
    return NULL;
}

static struct sim_heard *hear(const struct world *world, struct sim_broker *broker,
                              const struct net_route *route) {
    struct sim_heard *heard = heard_by_route(broker, route);
    if (heard != NULL) {
        heard->heard = world->now;
        heard->blocked = false;
    }
    return heard;
}

/* No lane holds it any more: its reports so far are forgotten. */
static void take_back(struct sim_book *book) {
    book->out = false;
    book->trial = false;
    book->foreign = false;
    book->told = 0;
    book->dups = 0;
    book->omitted = 0;
}

static void each_of_lane(struct sim_broker *broker, const struct uuid *uuid,
                         void (*visit)(struct sim_book *book)) {
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        struct sim_book *book = broker->records[i].quarantined ? NULL : broker->records[i].books;
        for (; book != NULL; book = book->next) {
            if (book->out && uuid_eq(&book->lane, uuid)) {
                visit(book);
            }
        }
    }
}

/* A delivery that failed alone is cut; one that failed beside others is only suspected. */
static void blame(struct sim_book *book) {
    bool proof = book->failures == 0 || book->alone;
    book->failures += proof ? 1 : 0;
    take_back(book);
    if (!proof || book->failures == 1 || book->count == 1) {
        return;
    }
    uint32_t each = (book->count + PIECES - 1) / PIECES;
    uint32_t end = book->first + book->count;
    book->failures = 1;
    book->count = each;
    for (struct sim_book *last = book; last->first + each < end; last = last->next) {
        struct sim_book *piece = mem_zero(1, sizeof(*piece));
        *piece = *book;
        piece->first = last->first + each;
        piece->count = end - piece->first < each ? end - piece->first : each;
        piece->next = last->next;
        last->next = piece;
    }
}

static void take_over(struct sim_book *book) {
    book->fence_due = true;
    book->fence_lane = book->lane;
    blame(book);
}

static void lane_gone(struct sim_broker *broker, struct sim_heard *heard, bool silent) {
    each_of_lane(broker, &heard->uuid, silent ? take_over : take_back);
    *heard = broker->lanes[--broker->lane_count];
}

/* The lane that was lost with it is ended before it is written again, unless that lane is back. */
static void check_fence(struct sim_broker *broker, const struct sim_book *book, bool fenced) {
    static const struct uuid NOBODY = {{0}};
    CHECK(fenced == book->fence_due);
    const struct uuid *fence = NULL;
    uint32_t count = core_fence(broker->core, &fence);
    bool found = !fenced || count == CORE_FENCE_MAX || uuid_eq(&book->fence_lane, &NOBODY);
    for (uint32_t i = 0; i < count; i++) {
        found = found || uuid_eq(&fence[i], &book->fence_lane);
        CHECK(heard_by_uuid(broker, &fence[i]) == NULL); /* a connected lane is not ended */
    }
    CHECK(found);
}

void book_work(struct world *world, struct sim_broker *broker, struct sim_record *record,
               const struct core_action *action) {
    const struct core_work *work = &action->work;
    struct sim_book *book = record->books;
    while (book != NULL && (book->first != work->first || book->count != work->count)) {
        book = book->next;
    }
    CHECK(book != NULL);
    CHECK(!book->out && !book->done);
    CHECK(work->attempt == book->failures + 1);
    struct sim_heard *heard = heard_by_uuid(broker, &work->lane);
    CHECK(heard != NULL && !heard->blocked && !heard->retired);
    CHECK(heard->takes_rows || !batch_is_rows(&world->batches[record->batch]));
    check_fence(broker, book, work->fenced);
    if (!book->touched) { /* the batches of a source are first dispatched in the order in which they
                             came */
        const struct sim_batch *batch = &world->batches[record->batch];
        uint64_t *last =
            &broker->last_first[batch->source][batch->priority][batch_is_rows(batch) ? 1 : 0];
        CHECK((record->seq << 20 | book->first) > *last);
        *last = record->seq << 20 | book->first;
    }
    book->touched = true;
    book->out = true;
    book->lane = work->lane;
    book->alone = book->failures > 0;
    book->trial = book->alone;
    CHECK((action->kind == CORE_BURY) == (book->count == 1 && book->failures > ATTEMPTS_MAX));
    book->bytes = work->length;
    book->deals++;
}

static void has_company(struct sim_book *book) { book->alone = false; }

static void adopt(struct sim_broker *broker, struct sim_heard *heard,
                  const struct wire_range *range, bool beat) {
    struct sim_record *record = range_record(broker, range);
    for (struct sim_book *book = record == NULL ? NULL : record->books; book != NULL;
         book = book->next) {
        if (!overlaps(book, range) || book->done) {
            continue;
        }
        if (!book->out) {
            each_of_lane(broker, &heard->uuid, has_company);
            book->alone = false;
            book->out = true;
            book->touched = true;
            book->lane = heard->uuid;
            book->bytes = book->count * CASE_BYTES;
        }
        if (uuid_eq(&book->lane, &heard->uuid)) {
            book->omitted = beat ? UINT32_MAX : 0; /* named in this beat */
        }
    }
}

static void lane_back(struct sim_broker *broker, const struct uuid *uuid) {
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        for (struct sim_book *book = broker->records[i].books; book != NULL; book = book->next) {
            if (uuid_eq(&book->fence_lane, uuid)) {
                book->fence_lane = (struct uuid){{0}};
            }
        }
    }
}

void book_ready(struct world *world, struct sim_broker *broker, const struct net_route *route,
                const struct wire_ready *ready) {
    struct sim_heard *heard = heard_by_route(broker, route);
    if (heard != NULL && !uuid_eq(&heard->uuid, &ready->uuid)) {
        lane_gone(broker, heard, true); /* another process has taken its place */
    }
    heard = heard_by_uuid(broker, &ready->uuid);
    if (heard == NULL) {
        MEM_ROOM(broker->lanes, broker->lane_count, broker->lane_cap, 8);
        heard = &broker->lanes[broker->lane_count++];
        heard->retired = false;
        lane_back(broker, &ready->uuid);
    }
    *heard = (struct sim_heard){.uuid = ready->uuid,
                                .route = *route,
                                .heard = world->now,
                                .credit_cases = ready->credit_cases,
                                .credit_bytes = ready->credit_bytes,
                                .takes_rows = (ready->forms & WIRE_FORM_BIT(WIRE_FORM_ROWS)) != 0,
                                .retired = heard->retired};
    for (uint32_t i = 0; i < ready->hold_count; i++) {
        adopt(broker, heard, &ready->holds[i], false);
    }
}

static void count_omitted(struct sim_book *book) {
    if (book->omitted == UINT32_MAX) {
        book->omitted = 0;
    } else if (++book->omitted == 2) {
        take_back(book);
    }
}

void book_beat(struct world *world, struct sim_broker *broker, const struct net_route *route,
               const struct wire_lane_beat *beat) {
    struct sim_heard *heard = hear(world, broker, route);
    if (heard == NULL) {
        return;
    }
    for (uint32_t i = 0; i < beat->hold_count; i++) {
        adopt(broker, heard, &beat->holds[i], true);
    }
    each_of_lane(broker, &heard->uuid, count_omitted);
}

void book_bye(struct world *world, struct sim_broker *broker, const struct net_route *route) {
    struct sim_heard *heard = heard_by_route(broker, route);
    (void)world;
    if (heard != NULL) {
        lane_gone(broker, heard, false);
    }
}

/* It keeps its deliveries, and none of them is counted as an attempt. */
void book_retire(struct world *world, struct sim_broker *broker, struct sim_heard *heard) {
    trace(world, "broker %u retires lane %u", broker->index, heard->uuid.bytes[0]);
    heard->retired = true;
}

/* A run inside one delivery. As long as only its holder reports, in order, no report may be
 * lost: when all cases are reported, all are done. */
static void told_inside(struct sim_book *book, const struct sim_letter *letter, bool holder,
                        uint64_t cases_done) {
    bool in_turn = letter->range.first == book->first + book->told;
    bool clean = book->out && holder && in_turn && !letter->late && !book->foreign;
    book->foreign = !clean;
    book->told += letter->range.count;
    book->dups += letter->counts.duplicates;
    CHECK(!clean || (cases_done > 0) == (book->told == book->count));
    if (cases_done > 0) {
        CHECK(cases_done == book->count);
        book->done = true;
        book->exact = clean;
        book->out = false;
    }
}

static void told_whole(struct sim_record *record, const struct sim_letter *letter) {
    uint32_t dups = letter->counts.duplicates;
    for (struct sim_book *book = record->books; book != NULL; book = book->next) {
        if (overlaps(book, &letter->range)) {
            book->done = true;
            book->exact = true;
            book->out = false;
            book->dups = dups;
            dups = 0; /* it does not matter which of them: they are summed up */
        }
    }
}

static void book_done(struct sim_broker *broker, const struct sim_letter *letter,
                      const struct sim_heard *heard, uint64_t cases_done) {
    struct sim_record *record = range_record(broker, &letter->range);
    const struct wire_range *range = &letter->range;
    struct sim_book *only = NULL;
    uint32_t parts = 0;
    uint32_t parts_done = 0;
    bool starts = false;
    bool ends = false;
    for (struct sim_book *book = record == NULL ? NULL : record->books; book != NULL;
         book = book->next) {
        if (overlaps(book, range)) {
            only = book;
            parts++;
            parts_done += book->done ? 1 : 0;
            starts = starts || range->first == book->first;
            ends = ends || range->first + range->count == book->first + book->count;
        }
    }
    if (parts == 0 || parts_done > 0) {
        CHECK(cases_done == 0);
    } else if (starts && ends) {
        CHECK(cases_done == range->count);
        told_whole(record, letter);
    } else if (parts == 1) {
        bool holder = heard != NULL && only->out && uuid_eq(&only->lane, &heard->uuid);
        told_inside(only, letter, holder, cases_done);
    } else {
        CHECK(cases_done == 0);
    }
}

void book_letter(struct world *world, struct sim_broker *broker, const struct sim_letter *letter,
                 uint64_t cases_done) {
    struct sim_heard *heard = hear(world, broker, &letter->route);
    if (letter->range.count == 0) {
        CHECK(cases_done == 0); /* of a canary */
        return;
    }
    if (heard != NULL && cases_done > 0) {
        broker->proved = world->now;
    }
    if (letter->kind == LETTER_DONE) {
        book_done(broker, letter, heard, cases_done);
        return;
    }
    CHECK(cases_done == 0);
    struct sim_record *record = heard == NULL ? NULL : range_record(broker, &letter->range);
    for (struct sim_book *book = record == NULL ? NULL : record->books; book != NULL;
         book = book->next) {
        if (overlaps(book, &letter->range) && book->out && uuid_eq(&book->lane, &heard->uuid)) {
            (letter->kind == LETTER_FAILED ? blame : take_back)(book);
        }
    }
}

/* No canary beside work that comes back, none to a lane that would not accept it, one at a time. */
void book_canary(struct world *world, struct sim_broker *broker, const struct core_action *action) {
    const struct sim_heard *heard = heard_by_uuid(broker, &action->work.lane);
    CHECK(heard != NULL && !heard->blocked && heard->credit_cases > 0 && heard->credit_bytes > 0);
    CHECK(!broker->paused && heard->route.len == action->route.len);
    CHECK(broker->proved == 0 || world->now - broker->proved >= CANARY_MS);
    CHECK(broker->asked == 0 || world->now - broker->asked >= CANARY_MS);
    broker->asked = world->now;
}

void book_unsent(struct sim_broker *broker, const struct uuid *lane, uint64_t seq, uint32_t first) {
    struct sim_heard *heard = heard_by_uuid(broker, lane);
    struct sim_record *record = record_of(broker, seq);
    CHECK(heard != NULL && record != NULL);
    heard->blocked = true;
    for (struct sim_book *book = record->books; book != NULL; book = book->next) {
        if (book->first == first && book->out && uuid_eq(&book->lane, lane)) {
            take_back(book);
        }
    }
}

/* Silence counts only while the broker itself was running to receive. */
void book_tick(struct world *world, struct sim_broker *broker) {
    int64_t away = world->now - broker->ticked;
    bool stalled = broker->ticked != 0 && away > SILENT_MS / 2;
    broker->ticked = world->now;
    for (uint32_t i = broker->lane_count; i-- > 0;) {
        struct sim_heard *heard = &broker->lanes[i];
        if (stalled) {
            int64_t forgiven = heard->heard + away;
            heard->heard = forgiven < world->now ? forgiven : world->now;
        }
        if (world->now - heard->heard >= SILENT_MS) {
            trace(world, "broker %u takes lane %u for dead", broker->index, heard->uuid.bytes[0]);
            lane_gone(broker, heard, true);
        }
    }
}

/* Deliveries, cases and bytes of one lane. */
void book_held(struct sim_broker *broker, const struct sim_heard *heard, uint64_t held[3]) {
    for (uint32_t r = broker->oldest; r < broker->record_count; r++) {
        const struct sim_record *record = &broker->records[r];
        for (const struct sim_book *book = record->quarantined ? NULL : record->books; book != NULL;
             book = book->next) {
            if (book->out && uuid_eq(&book->lane, &heard->uuid)) {
                held[0]++;
                held[1] += book->count;
                held[2] += book->bytes;
            }
        }
    }
}

/* After every step the core has as many batches, lanes and cases out as the books, and no more
 * sources. No lane is idle beside work; low water is exactly below the oldest batch that is not
 * done. */
void book_check(const struct world *world, struct sim_broker *broker) {
    struct core_stats stats;
    core_stats(broker->core, world->now, &stats);
    CHECK(stats.batches == broker->live && stats.batches <= LIVE_MAX);
    CHECK(stats.lanes == broker->lane_count);
    CHECK(stats.sources <= broker->places);
    uint64_t out = 0;
    bool idle[2] = {false, false}; /* a lane that takes maps, rows */
    bool waits[2] = {false, false};
    uint32_t trials = 0;
    for (uint32_t i = 0; i < broker->lane_count; i++) {
        uint64_t held[3] = {0};
        book_held(broker, &broker->lanes[i], held);
        out += held[1];
        bool is_idle = held[0] == 0 && !broker->lanes[i].blocked &&
                       broker->lanes[i].credit_cases > 0 && !broker->lanes[i].retired;
        idle[0] = idle[0] || is_idle;
        idle[1] = idle[1] || (is_idle && broker->lanes[i].takes_rows);
    }
    CHECK(out == stats.out_cases);
    uint64_t low = UINT64_MAX;
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        const struct sim_record *record = &broker->records[i];
        low = !record->deleted && record->seq < low ? record->seq : low;
        for (const struct sim_book *book = record->quarantined ? NULL : record->books; book != NULL;
             book = book->next) {
            trials += book->out && book->trial ? 1 : 0;
            bool is_rows = batch_is_rows(&world->batches[record->batch]);
            waits[is_rows] = waits[is_rows] || (!book->out && !book->done && book->failures == 0);
        }
    }
    CHECK(trials <= 1);
    CHECK(broker->paused || !idle[0] || !waits[0]);
    CHECK(broker->paused || !idle[1] || !waits[1]);
    CHECK(low == UINT64_MAX || stats.low_water == low);
    CHECK(low != UINT64_MAX || broker->record_count == 0 ||
          stats.low_water > broker->records[broker->record_count - 1].seq);
}
