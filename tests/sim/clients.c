/* Intake systems: each source sends runs of its cases, and sends again when no DONE comes. It
 * also sends in other batches, to the other broker, or under a name that was used before, or it
 * vanishes. */
#include "sim/world.h"

#include <stdio.h>

enum { PATIENCE_MS = 8000, CALM_PATIENCE_MS = 4000, AT_ONCE_MAX = 24 };

struct uuid batch_id(uint32_t name) {
    struct uuid id = {{1}};
    memcpy(id.bytes + 4, &name, sizeof(name));
    return id;
}

bool batch_is_rows(const struct sim_batch *batch) { return batch->name % 3 == 0; }

static struct net_route client_route(const struct sim_batch *batch) {
    return (struct net_route){.len = 1,
                              .delimited = batch->delimited,
                              .channel =
                                  batch->name % 2 == 0 ? CORE_CHANNEL_INTAKE : CORE_CHANNEL_RESULTS,
                              .near = {batch->route}};
}

void batch_meta(const struct sim_batch *batch, int64_t day, uint32_t cuts[CORE_PARTS_MAX],
                char source[8], struct core_batch_meta *meta) {
    for (uint32_t i = 0; i < CORE_PARTS_MAX; i++) {
        cuts[i] = (batch_is_rows(batch) ? NAMES_BYTES : 0) + i * CORE_PART_CASES * CASE_BYTES;
    }
    (void)snprintf(source, 8, "s%u", batch->source);
    *meta = (struct core_batch_meta){
        .source = span_str(source),
        .batch = batch_id(batch->name),
        .hash = {{batch->version, (uint8_t)batch->first, (uint8_t)(batch->first >> 8),
                  (uint8_t)batch->count, (uint8_t)(batch->count >> 8)}},
        .count = batch->count,
        .bytes = cuts[0] + batch->count * CASE_BYTES,
        .is_rows = batch_is_rows(batch),
        .ack = batch->outcome_ack ? WIRE_ACK_OUTCOME : WIRE_ACK_JOURNAL,
        .priority = (enum wire_priority)batch->priority,
        .accepted_at = day,
        .cuts = cuts};
}

static bool same_body(const struct sim_batch *a, const struct sim_batch *b) {
    return a->version == b->version && a->first == b->first && a->count == b->count;
}

static struct sim_record *live_record(struct world *world, struct sim_broker *broker,
                                      const struct sim_batch *batch) {
    for (uint32_t i = broker->record_count; i-- > broker->oldest;) {
        const struct sim_batch *other = &world->batches[broker->records[i].batch];
        if (!broker->records[i].deleted && other->source == batch->source &&
            other->name == batch->name) {
            return &broker->records[i];
        }
    }
    return NULL;
}

/* It has batches, or keeps a place without one; or a source without batches has a place. */
static bool has_place(const struct world *world, const struct sim_broker *broker, uint32_t source) {
    uint32_t live = 0; /* sources, one bit each */
    for (uint32_t i = broker->oldest; i < broker->record_count; i++) {
        const struct sim_record *record = &broker->records[i];
        live |= record->deleted ? 0 : 1U << world->batches[record->batch].source;
    }
    return ((live | broker->keeps) >> source & 1) != 0 ||
           (uint32_t)__builtin_popcount(live & ~broker->keeps) < world->places;
}

/* In this run of the broker, a batch of that source and name: only its own DONE is remembered. */
static bool was_done(const struct world *world, const struct sim_broker *broker,
                     const struct sim_batch *batch, uint32_t count) {
    for (uint32_t i = broker->record_count; i-- > 0;) {
        const struct sim_record *record = &broker->records[i];
        const struct sim_batch *other = &world->batches[record->batch];
        if (record->done_run == broker->run && other->source == batch->source &&
            other->name == batch->name && other->count == count) {
            return true;
        }
    }
    return false;
}

static uint32_t waiting(const struct sim_record *record) {
    return (uint32_t)__builtin_popcount(record->must_done | record->may_done | record->must_accept);
}

/* The replies that this route received at once. */
static bool answered(const struct core *core, enum core_action_kind kind,
                     const struct net_route *route) {
    size_t count = 0;
    const struct core_action *actions = core_actions(core, &count);
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == kind && actions[i].route.near[0] == route->near[0]) {
            return true;
        }
    }
    return false;
}

static void expect(struct sim_record *record, const struct sim_batch *batch) {
    uint32_t bit = 1U << batch->route;
    if (!record->durable && (!batch->delimited || !batch->outcome_ack)) {
        record->must_accept |= bit;
    }
    if (!batch->delimited || batch->outcome_ack) {
        record->must_done |= bit;
        record->may_done |= bit;
    }
}

void client_send(struct world *world, uint32_t number, uint32_t to) {
    struct sim_broker *broker = &world->brokers[to];
    struct sim_batch *batch = &world->batches[number];
    struct net_route route = client_route(batch);
    struct sim_record *old = live_record(world, broker, batch);
    old = old != NULL && old->quarantined ? NULL : old;
    uint32_t cuts[CORE_PARTS_MAX];
    char source[8];
    struct core_batch_meta meta;
    batch_meta(batch, world->day, cuts, source, &meta);
    trace(world, "client %u sends batch %u (cases %u+%u, version %u) to broker %u", batch->source,
          number, batch->first, batch->count, batch->version, to);
    batch->sent_at = world->now;
    batch->broker = (uint8_t)to;
    broker->crowded = old != NULL && waiting(old) >= CORE_WAITERS_MAX;
    broker->placed = has_place(world, broker, batch->source);
    uint32_t most = world->places + (uint32_t)__builtin_popcount(broker->keeps);
    uint64_t seq = core_submit(broker->core, &route, &meta, world->now);
    bool taken = seq != 0;
    CHECK(!taken || !broker->stopped); /* P6 */
    CHECK(!taken || broker->placed || broker->places > most);
    bool refused = answered(broker->core, CORE_REFUSED, &route);
    bool busy = answered(broker->core, CORE_BUSY, &route);
    bool told = answered(broker->core, CORE_ACCEPTED, &route);
    if (old != NULL && !same_body(batch, &world->batches[old->batch])) {
        CHECK(refused && !taken && !busy);
        batch->forgotten = true; /* the fault of its client */
    } else {
        CHECK(!refused && taken == (old == NULL && !busy));
        CHECK(old == NULL || busy ||
              told == (old->durable && (!batch->delimited || !batch->outcome_ack)));
    }
    if (taken) {
        book_open(disk_put(broker, seq, number, world->day), batch->count);
    }
    perform(world, broker);
    broker->crowded = false;
    broker->placed = true;
    struct sim_record *record = taken ? &broker->records[broker->record_count - 1] : old;
    if (!refused && !busy) {
        CHECK(record != NULL && record->durable == (told || record->durable));
        expect(record, batch);
    }
}

void client_query(struct world *world, uint32_t number, uint32_t to) {
    struct sim_broker *broker = &world->brokers[to];
    const struct sim_batch *batch = &world->batches[number];
    struct sim_record *record = live_record(world, broker, batch);
    struct net_route route = client_route(batch);
    struct uuid id = batch_id(batch->name);
    char source[8];
    (void)snprintf(source, sizeof(source), "s%u", batch->source);
    core_query(broker->core, &route, span_str(source), &id);
    size_t count = 0;
    const struct core_action *action = core_actions(broker->core, &count);
    CHECK(count == 1 && action->kind == CORE_STATUS);
    enum wire_state state = action->done.state;
    if (record == NULL) {
        CHECK(state == WIRE_STATE_DONE ? was_done(world, broker, batch, action->done.count)
                                       : state == WIRE_STATE_UNKNOWN);
    } else if (record->quarantined) {
        CHECK(state == WIRE_STATE_QUARANTINED);
    } else {
        CHECK(record->durable ? state == WIRE_STATE_ACCEPTED || state == WIRE_STATE_WORKING
                              : state == WIRE_STATE_UNKNOWN);
        record->may_done |= record->durable && !batch->delimited ? 1U << batch->route : 0;
    }
    perform(world, broker);
}

uint32_t client_batch(struct world *world, struct sim_batch batch) {
    CHECK(world->batch_count < BATCHES_MAX);
    CHECK(batch.count > 0 && batch.first + batch.count <= SPACE);
    uint32_t number = world->batch_count++;
    batch.name = batch.name == 0 ? (uint16_t)(number + 1) : batch.name;
    batch.route = batch.delimited ? (uint8_t)(REQ_ROUTES + number % REQ_ROUTES)
                                  : world->client_route[batch.source];
    world->batches[number] = batch;
    return number;
}

static uint32_t invent_count(struct world *world) {
    if (fault(world, FAULT_BIG)) {
        return 1 + below(world, 3 * CORE_PART_CASES);
    }
    return 1 + below(world, chance(world, 500) ? 8 : 60);
}

/* Cases never sent before, or, cut another way, some that were. */
static void invent_batch(struct world *world) {
    uint32_t source = below(world, SOURCES);
    uint32_t count = invent_count(world);
    uint32_t known = world->next_case[source];
    bool again = known > 0 && fault(world, FAULT_REBATCH);
    uint32_t first = again ? below(world, known) : known;
    count = count <= SPACE - first ? count : SPACE - first;
    if (count == 0) {
        return;
    }
    world->next_case[source] = first + count > known ? first + count : known;
    struct sim_batch batch = {.source = (uint8_t)source,
                              .version = fault(world, FAULT_VERSIONS) ? 1 : 0,
                              .priority = (uint8_t)below(world, WIRE_PRIORITY_COUNT),
                              .outcome_ack = chance(world, 200),
                              .delimited = chance(world, 300),
                              .first = first,
                              .count = count};
    if (world->batch_count > 0 && fault(world, FAULT_ID_REUSED)) {
        const struct sim_batch *other = &world->batches[below(world, world->batch_count)];
        batch.name = other->name; /* with another source it is not the id of another batch */
    }
    client_send(world, client_batch(world, batch), below(world, BROKERS));
}

static void vanish(struct world *world, uint32_t source) {
    trace(world, "client %u vanishes", source);
    world->client_route[source] = (uint8_t)(++world->route_names % REQ_ROUTES);
    for (uint32_t i = 0; i < world->batch_count; i++) {
        struct sim_batch *batch = &world->batches[i];
        batch->forgotten = batch->forgotten || (batch->source == source && !batch->done);
    }
}

/* A damaged batch keeps its source's place until it is sent again: in the end a client does. */
static void heal(struct world *world, uint32_t to) {
    struct sim_broker *broker = &world->brokers[to];
    uint32_t end = broker->record_count;
    for (uint32_t i = broker->oldest; i < end; i++) {
        if (broker->records[i].quarantined && !broker->records[i].deleted) {
            client_send(world, broker->records[i].batch, to);
        }
    }
}

static void send_again(struct world *world, uint32_t number) {
    struct sim_batch *batch = &world->batches[number];
    bool over = fault(world, FAULT_FAILOVER) || (world->calm && chance(world, 100));
    uint32_t to = over ? 1U - batch->broker : batch->broker;
    if (world->calm && !has_place(world, &world->brokers[to], batch->source)) {
        heal(world, to);
    }
    client_send(world, number, to);
}

void clients_step(struct world *world) {
    if (!world->calm && world->batch_count < BATCHES_MAX && chance(world, 400)) {
        invent_batch(world);
    }
    if (fault(world, FAULT_VANISH)) {
        vanish(world, below(world, SOURCES));
    }
    if (world->batch_count > 0 && fault(world, FAULT_RESEND)) {
        uint32_t number = below(world, world->batch_count);
        if (!world->batches[number].forgotten) {
            world->batches[number].done = false; /* it lost the receipt */
            send_again(world, number);
        }
    }
    if (world->batch_count > 0 && chance(world, 100)) {
        client_query(world, below(world, world->batch_count), below(world, BROKERS));
    }
    int64_t patience = world->calm ? CALM_PATIENCE_MS : PATIENCE_MS;
    uint32_t sent = 0;
    for (uint32_t i = 0; i < world->batch_count && sent < AT_ONCE_MAX; i++) {
        const struct sim_batch *batch = &world->batches[i];
        if (!batch->done && !batch->forgotten && world->now - batch->sent_at > patience) {
            send_again(world, i);
            sent++;
        }
    }
}
