/* Lanes: they take work from both brokers, write it in transactions, and report. They are slow,
 * they freeze with their rows locked, they end before and after a commit, and report late or
 * never. */
#include "sim/world.h"

#include "wire/results.h"

enum { THAW = 25, RESTART_SAME_ROUTE = 300, LOCK_TIMEOUT_MS = 2000, WRITE_CASES_MAX = 20000 };

static struct net_route route_named(uint32_t name) {
    return (struct net_route){.len = 2, .near = {(uint8_t)name, (uint8_t)(name >> 8)}};
}

void lane_start(struct world *world, uint32_t number) {
    struct sim_lane *lane = &world->lanes[number];
    struct net_route route = lane->route;
    uint32_t name = ++world->lane_names;
    *lane = (struct sim_lane){.uuid = {{(uint8_t)number, (uint8_t)name, (uint8_t)(name >> 8), 9}},
                              .slow = fault(world, FAULT_LANE_SLOW),
                              .credit_cases = chance(world, 500) ? 20000 : 1 + below(world, 200),
                              .credit_bytes = chance(world, 700) ? 60000 : 1 + below(world, 1000)};
    lane->route = route;
    if (route.len == 0 || !chance(world, RESTART_SAME_ROUTE)) {
        lane->route = route_named(name);
        return;
    }
    for (uint32_t i = world->letter_count; i-- > 0;) { /* no longer in transit: one connection */
        if (net_route_eq(&world->letters[i].route, &route)) {
            world->letters[i] = world->letters[--world->letter_count];
        }
    }
}

static void lane_die(struct world *world, uint32_t number) {
    trace(world, "lane %u dies with %u deliveries", number, world->lanes[number].hold_count);
    txn_abort(world, number);
    lane_start(world, number);
}

void lane_leave(struct world *world, uint32_t number) {
    struct sim_lane *lane = &world->lanes[number];
    trace(world, "lane %u leaves", number);
    txn_abort(world, number);
    for (uint32_t b = 0; b < BROKERS; b++) {
        book_bye(world, &world->brokers[b], &lane->route);
        core_bye(world->brokers[b].core, &lane->route);
        perform(world, &world->brokers[b]);
    }
    lane_start(world, number);
}

void lane_retire(struct world *world, const struct net_route *route) {
    for (uint32_t i = 0; i < LANES; i++) {
        struct sim_lane *lane = &world->lanes[i];
        if (net_route_eq(&lane->route, route) && !lane->frozen) {
            lane->retiring = true;
        }
    }
}

static struct wire_range hold_range(const struct world *world, const struct sim_hold *hold) {
    return (struct wire_range){world->brokers[hold->broker].journal, hold->seq, hold->first,
                               hold->count};
}

static uint32_t list_holds(const struct world *world, const struct sim_lane *lane, uint32_t broker,
                           struct wire_range ranges[HOLDS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < lane->hold_count; i++) {
        if (lane->holds[i].broker == broker) {
            ranges[count++] = hold_range(world, &lane->holds[i]);
        }
    }
    return count;
}

/* In half of the worlds one lane is of an earlier version; not the one that thaws in any case. */
static uint32_t takes_rows(const struct world *world, uint32_t number) {
    bool is_older = number == 1 && world->places % 2 == 0;
    return is_older ? 0 : WIRE_FORM_BIT(WIRE_FORM_ROWS);
}

void lane_ready(struct world *world, uint32_t number, uint32_t to) {
    struct sim_lane *lane = &world->lanes[number];
    struct sim_broker *broker = &world->brokers[to];
    struct wire_range ranges[HOLDS_MAX];
    struct wire_ready ready = {.uuid = lane->uuid,
                               .name = SPAN_LIT("lane"),
                               .credit_cases = lane->retiring ? 0 : lane->credit_cases,
                               .credit_bytes = lane->credit_bytes,
                               .hold_count = list_holds(world, lane, to, ranges),
                               .holds = ranges,
                               .forms = takes_rows(world, number)};
    book_ready(world, broker, &lane->route, &ready);
    core_ready(broker->core, &lane->route, &ready, world->now);
    lane->known[to] = true;
    perform(world, broker);
}

void lane_beat(struct world *world, uint32_t number, uint32_t to) {
    struct sim_lane *lane = &world->lanes[number];
    struct sim_broker *broker = &world->brokers[to];
    struct wire_range ranges[HOLDS_MAX];
    struct wire_lane_beat beat = {.hold_count = list_holds(world, lane, to, ranges),
                                  .holds = ranges,
                                  .phase = SPAN_LIT("write")};
    book_beat(world, broker, &lane->route, &beat);
    core_beat(broker->core, &lane->route, &beat, world->now);
    perform(world, broker);
}

void lane_ask(struct world *world, const struct net_route *route, uint32_t broker) {
    for (uint32_t i = 0; i < LANES; i++) {
        if (net_route_eq(&world->lanes[i].route, route)) {
            world->lanes[i].known[broker] = false;
        }
    }
}

static void end_fenced(struct world *world, const struct sim_broker *broker) {
    const struct uuid *fence = NULL;
    for (uint32_t i = core_fence(broker->core, &fence); i-- > 0;) {
        backend_end(world, &fence[i]);
    }
}

void lane_fence(struct world *world, const struct sim_broker *broker,
                const struct net_route *route) {
    for (uint32_t i = 0; i < LANES; i++) {
        const struct sim_lane *lane = &world->lanes[i];
        if (net_route_eq(&lane->route, route) && !lane->frozen && !fault(world, FAULT_LOST_WORK)) {
            end_fenced(world, broker);
        }
    }
}

void lane_canary(struct world *world, struct sim_broker *broker, const struct core_action *action) {
    struct sim_lane *lane = &world->lanes[action->work.lane.bytes[0]];
    bool lost =
        !uuid_eq(&lane->uuid, &action->work.lane) || lane->frozen || fault(world, FAULT_LOST_WORK);
    trace(world, "broker %u asks lane %u for a canary%s", broker->index, action->work.lane.bytes[0],
          lost ? ": lost" : "");
    lane->canary[broker->index] = lane->canary[broker->index] || !lost;
}

static bool has_hold(const struct sim_lane *lane, uint32_t broker, uint64_t seq, uint32_t first) {
    for (uint32_t i = 0; i < lane->hold_count; i++) {
        if (lane->holds[i].broker == broker && lane->holds[i].seq == seq &&
            lane->holds[i].first == first) {
            return true;
        }
    }
    return false;
}

void lane_work(struct world *world, const struct sim_broker *broker,
               const struct core_action *action) {
    const struct core_work *work = &action->work;
    uint32_t number = work->lane.bytes[0];
    struct sim_lane *lane = &world->lanes[number];
    bool lost = !uuid_eq(&lane->uuid, &work->lane) || lane->frozen ||
                lane->hold_count == HOLDS_MAX || fault(world, FAULT_LOST_WORK);
    trace(world, "broker %u %s seq %llu %u+%u to lane %u, attempt %u%s%s", broker->index,
          action->kind == CORE_BURY ? "buries" : "deals", (unsigned long long)action->seq,
          work->first, work->count, number, work->attempt, work->fenced ? ", with fence" : "",
          lost ? ": lost" : "");
    if (lost) {
        return;
    }
    if (work->fenced) {
        end_fenced(world, broker);
    }
    if (has_hold(lane, broker->index, action->seq, work->first)) {
        return;
    }
    uint64_t seq = action->seq;
    struct sim_record *record = record_of(&world->brokers[broker->index], seq);
    lane->holds[lane->hold_count++] = (struct sim_hold){.broker = broker->index,
                                                        .batch = record->batch,
                                                        .bury = action->kind == CORE_BURY,
                                                        .seq = seq,
                                                        .first = work->first,
                                                        .count = work->count,
                                                        .attempt = work->attempt,
                                                        .day = work->accepted_at};
}

/* Results of these cases; which outcomes they are is not what the core looks at. */
static void write_run(struct buf *run, const struct wire_range *range) {
    struct results_writer writer = {0};
    results_begin(&writer);
    for (uint32_t i = 0; i < range->count; i++) {
        results_outcome(&writer, 0, false, SPAN_LIT("A"), SPAN_LIT("r"), 0);
    }
    results_end(&writer, range->first, range->count, run);
    results_writer_free(&writer);
}

static void letter_deliver(struct world *world, const struct sim_letter *letter) {
    static const char *const VERBS[] = {"done", "failed", "return"};
    struct sim_broker *broker = &world->brokers[letter->broker];
    trace(world, "broker %u receives%s: %s seq %llu %u+%u", letter->broker,
          letter->late ? ", late" : "", VERBS[letter->kind], (unsigned long long)letter->range.seq,
          letter->range.first, letter->range.count);
    uint32_t ranges = letter->range.count > 0 ? 1 : 0;
    struct wire_lane_done done = {ranges, &letter->range, &letter->counts, SPAN_LIT("")};
    struct wire_counts counts = letter->counts;
    struct buf run = BUF_EMPTY;
    if (letter->kind == LETTER_DONE && ranges > 0) {
        write_run(&run, &letter->range);
        counts.results_bytes = (uint32_t)run.len;
        done.verdicts = &counts;
        done.body = buf_span(&run);
    }
    struct wire_failed failed = {1, &letter->range, SPAN_LIT("sim")};
    struct wire_return returned = {1, &letter->range};
    struct core_stats before;
    struct core_stats after;
    core_stats(broker->core, world->now, &before);
    switch (letter->kind) {
    case LETTER_DONE:
        core_done(broker->core, &letter->route, &done, world->now);
        break;
    case LETTER_FAILED:
        core_failed(broker->core, &letter->route, &failed, world->now);
        break;
    case LETTER_RETURN:
        core_returned(broker->core, &letter->route, &returned, world->now);
        break;
    }
    buf_free(&run);
    core_stats(broker->core, world->now, &after);
    book_letter(world, broker, letter, after.cases_done - before.cases_done);
    perform(world, broker);
}

static void say(struct world *world, struct sim_letter *letter) {
    if (fault(world, FAULT_LOST_WORD)) {
        trace(world, "a word of seq %llu is lost", (unsigned long long)letter->range.seq);
    } else if (world->letter_count < LETTERS_MAX && fault(world, FAULT_LATE_WORD)) {
        letter->late = true;
        world->letters[world->letter_count++] = *letter;
    } else {
        letter_deliver(world, letter);
    }
}

void letters_step(struct world *world) {
    while (world->letter_count > 0 && chance(world, world->calm ? 900 : 150)) {
        uint32_t index = below(world, world->letter_count);
        struct sim_letter letter = world->letters[index];
        world->letters[index] = world->letters[--world->letter_count];
        letter_deliver(world, &letter);
    }
}

void lane_begin(struct world *world, uint32_t number, uint32_t holds, uint32_t cases) {
    struct sim_lane *lane = &world->lanes[number];
    struct sim_txn *txn = &lane->txn;
    *txn = (struct sim_txn){.state = TXN_WRITING, .touched = world->now};
    for (uint32_t i = 0; i < lane->hold_count && i < holds && i < PIECES_MAX; i++) {
        const struct sim_hold *hold = &lane->holds[i];
        if (hold->attempt > 1 && i > 0) { /* alone in its transaction */
            break;
        }
        uint32_t left = hold->count - hold->taken;
        txn->pieces[txn->piece_count++] = (struct sim_piece){.hold = *hold,
                                                             .first = hold->first + hold->taken,
                                                             .count = left < cases ? left : cases};
        if (hold->attempt > 1) {
            break;
        }
    }
}

static void hold_remove(struct sim_lane *lane, uint32_t index) {
    for (lane->hold_count--; index < lane->hold_count; index++) {
        lane->holds[index] = lane->holds[index + 1];
    }
}

/* Reported in one range where two pieces meet, as a lane does with neighbours. */
static bool join(struct sim_letter *letter, const struct sim_piece *piece) {
    struct wire_range *range = &letter->range;
    if (letter->broker != piece->hold.broker || range->seq != piece->hold.seq ||
        range->first + range->count != piece->first) {
        return false;
    }
    range->count += piece->count;
    for (int i = 0; i < WIRE_DISPOSITIONS; i++) {
        letter->counts.outcomes[i] += piece->counts.outcomes[i];
    }
    letter->counts.dead_count += piece->counts.dead_count;
    letter->counts.duplicates += piece->counts.duplicates;
    return true;
}

/* DONE without a range, after a transaction. */
static void answer_canaries(struct world *world, struct sim_lane *lane) {
    for (uint8_t b = 0; b < BROKERS; b++) {
        if (lane->canary[b]) {
            lane->canary[b] = false;
            struct sim_letter letter = {.kind = LETTER_DONE, .broker = b, .route = lane->route};
            say(world, &letter);
        }
    }
}

void lane_tell(struct world *world, uint32_t number) {
    struct sim_lane *lane = &world->lanes[number];
    struct sim_txn txn = lane->txn;
    CHECK(txn.state == TXN_COMMITTED);
    lane->txn = (struct sim_txn){0};
    for (uint32_t i = 0; i < txn.piece_count; i++) {
        for (uint32_t h = 0; h < lane->hold_count; h++) {
            struct sim_hold *hold = &lane->holds[h];
            if (hold->broker == txn.pieces[i].hold.broker && hold->seq == txn.pieces[i].hold.seq &&
                hold->first == txn.pieces[i].hold.first) {
                hold->taken += txn.pieces[i].count;
                if (hold->taken == hold->count) {
                    hold_remove(lane, h);
                }
                break;
            }
        }
    }
    bool joins = chance(world, 500);
    struct sim_letter letter = {.range = {.count = 0}};
    for (uint32_t i = 0; i < txn.piece_count; i++) {
        const struct sim_piece *piece = &txn.pieces[i];
        if (letter.range.count > 0 && joins && join(&letter, piece)) {
            continue;
        }
        if (letter.range.count > 0) {
            say(world, &letter);
        }
        letter = (struct sim_letter){.kind = LETTER_DONE,
                                     .broker = piece->hold.broker,
                                     .route = lane->route,
                                     .range = hold_range(world, &piece->hold),
                                     .counts = piece->counts};
        letter.range.first = piece->first;
        letter.range.count = piece->count;
    }
    say(world, &letter);
    answer_canaries(world, lane);
}

void lane_give_up(struct world *world, uint32_t number, uint32_t index, bool failed) {
    struct sim_lane *lane = &world->lanes[number];
    struct sim_hold hold = lane->holds[index];
    hold_remove(lane, index);
    struct sim_letter letter = {.kind = failed ? LETTER_FAILED : LETTER_RETURN,
                                .broker = hold.broker,
                                .route = lane->route,
                                .range = hold_range(world, &hold)};
    say(world, &letter);
}

/* Its connection was ended from outside: all work is returned. */
static void lane_reconnect(struct world *world, uint32_t number) {
    struct sim_lane *lane = &world->lanes[number];
    trace(world, "lane %u finds its connection ended", number);
    lane->txn = (struct sim_txn){0};
    while (lane->hold_count > 0) {
        lane_give_up(world, number, lane->hold_count - 1, false);
    }
}

static void step_write(struct world *world, uint32_t number) {
    struct sim_lane *lane = &world->lanes[number];
    struct sim_txn *txn = &lane->txn;
    if (txn->ended) {
        lane_reconnect(world, number);
        return;
    }
    bool waited = txn->waits_since != 0 && world->now - txn->waits_since > LOCK_TIMEOUT_MS;
    if (waited || fault(world, FAULT_ABORT)) {
        trace(world, "lane %u: its transaction is rolled back", number);
        txn_abort(world, number);
        if (waited) {
            backends_end_frozen(world);
        }
        return;
    }
    uint32_t cases = chance(world, 600) ? WRITE_CASES_MAX : 1 + below(world, 30);
    if (!txn_write(world, number, cases)) {
        return;
    }
    if (fault(world, FAULT_LANE_FREEZES)) {
        trace(world, "lane %u freezes, its rows locked", number);
        lane->frozen = true;
        return;
    }
    txn_commit(world, number);
}

static bool decodes_poison(const struct world *world, const struct sim_txn *txn) {
    for (uint32_t i = 0; i < txn->piece_count; i++) {
        const struct sim_piece *piece = &txn->pieces[i];
        const struct sim_batch *batch = &world->batches[piece->hold.batch];
        for (uint32_t at = 0; !piece->hold.bury && at < piece->count; at++) {
            if (case_is_poison(world, batch, piece->first + at)) {
                return true;
            }
        }
    }
    return false;
}

static void step_begin(struct world *world, uint32_t number) {
    struct sim_lane *lane = &world->lanes[number];
    if (lane->hold_count == 0) {
        answer_canaries(world, lane); /* a transaction of one commits row */
        return;
    }
    if (fault(world, FAULT_LANE_FAILS)) {
        lane_give_up(world, number, below(world, lane->hold_count), true);
    } else if (fault(world, FAULT_LANE_RETURNS)) {
        lane_give_up(world, number, below(world, lane->hold_count), false);
    } else {
        bool pieces = fault(world, FAULT_PIECES);
        lane_begin(world, number, 1 + below(world, PIECES_MAX),
                   pieces ? 1 + below(world, 20) : CORE_PART_CASES);
        if (decodes_poison(world, &lane->txn)) {
            lane_die(world, number);
        }
    }
}

static void step_lane(struct world *world, uint32_t number) {
    struct sim_lane *lane = &world->lanes[number];
    lane->frozen = lane->frozen || fault(world, FAULT_LANE_FREEZES);
    if (lane->frozen) {
        bool thaws = world->calm ? number == 0 || !world->stuck : chance(world, THAW);
        lane->frozen = !thaws;
        if (thaws) {
            trace(world, "lane %u thaws", number);
        }
        return;
    }
    if (fault(world, FAULT_LANE_DIES)) {
        lane_die(world, number);
    } else if (fault(world, FAULT_LANE_LEAVES) ||
               (lane->retiring && lane->hold_count == 0 && lane->txn.state == TXN_NONE)) {
        lane_leave(world, number);
    }
    for (uint32_t b = 0; b < BROKERS; b++) {
        if (!lane->known[b]) {
            lane_ready(world, number, b);
        } else if (chance(world, 500)) {
            lane_beat(world, number, b);
        }
    }
    if (lane->slow && !world->calm && !chance(world, 150)) {
        return;
    }
    switch (lane->txn.state) {
    case TXN_NONE:
        step_begin(world, number);
        break;
    case TXN_WRITING:
        step_write(world, number);
        break;
    case TXN_COMMITTED:
        lane_tell(world, number);
        break;
    }
}

void lanes_step(struct world *world) {
    for (uint32_t i = 0; i < LANES; i++) {
        for (uint32_t turns = 1 + below(world, 3); turns-- > 0;) {
            step_lane(world, i);
        }
    }
}
