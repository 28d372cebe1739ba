/* The clock of the world: one step after the other, with the faults of the seed, then without
 * faults until all work is finished. */
#include "sim/world.h"

#include "base/mem.h"

enum {
    STEP_MS_MAX = 400,
    STALL_MS = 6000,
    SETTLE_STEPS_MAX = 40000,
    FAULT_STRIKES = 600,
    DEALS = 4 * LANES,
    ROOM_BYTES = 1000
};

static const struct {
    const char *word;
    uint32_t most; /* of a thousand */
} FAULT_ROWS[] = {
#define SIM_ROW(id, word, most) {word, most},
    FAULTS(SIM_ROW)
#undef SIM_ROW
};

const char *fault_word(enum fault kind) { return FAULT_ROWS[kind].word; }

uint32_t below(struct world *world, uint32_t limit) {
    return (uint32_t)rng_below(&world->rng, limit);
}

bool chance(struct world *world, uint32_t of_thousand) { return below(world, 1000) < of_thousand; }

/* It draws even for faults that never occur: with a fault left out the world stays much the
 * same. */
bool fault(struct world *world, enum fault kind) {
    bool strikes = chance(world, world->rates[kind]);
    return strikes && !world->calm;
}

/* world: all zero, and the fields that the caller has set. */
void world_init(struct world *world, uint64_t seed) {
    struct rng mix = {seed};
    world->rng.state = rng_next(&mix); /* neighbouring seeds must have nothing in common */
    world->now = 1000;
    world->day = 1;
    world->rows = mem_zero((size_t)SOURCES * SPACE, sizeof(*world->rows));
    for (uint32_t i = 0; i < SOURCES; i++) {
        world->client_route[i] = (uint8_t)i;
    }
    world->route_names = SOURCES;
    world->places = PLACES_MIN + below(world, 2);
    for (uint8_t b = 0; b < BROKERS; b++) {
        world->brokers[b].index = b;
        world->brokers[b].journal = (struct uuid){{0xb0, b}};
        broker_start(world, &world->brokers[b]);
    }
    for (uint32_t i = 0; i < LANES; i++) {
        lane_start(world, i);
    }
}

static void world_fini(struct world *world) {
    for (uint32_t b = 0; b < BROKERS; b++) {
        struct sim_broker *broker = &world->brokers[b];
        for (uint32_t i = 0; i < broker->record_count; i++) {
            book_close(&broker->records[i]);
        }
        core_free(&broker->core);
        mem_free(broker->records);
        mem_free(broker->lanes);
    }
    mem_free(world->rows);
}

static void step_broker(struct world *world, struct sim_broker *broker) {
    disk_step(world, broker);
    core_tick(broker->core, world->now);
    book_tick(world, broker);
    perform(world, broker);
    if (broker->paused ? world->calm || chance(world, 100) : fault(world, FAULT_PAUSE)) {
        broker->paused = !broker->paused;
        core_set_dispatching(broker->core, !broker->paused);
    }
    if (broker->lane_count > 0 && fault(world, FAULT_RETIRE)) {
        struct sim_heard *heard = &broker->lanes[below(world, broker->lane_count)];
        book_retire(world, broker, heard);
        CHECK(core_retire(broker->core, &heard->uuid));
        perform(world, broker);
    }
    broker->room = fault(world, FAULT_NO_ROOM) ? below(world, ROOM_BYTES) : UINT64_MAX;
    core_set_room(broker->core, broker->room);
    for (uint32_t i = 0; i < DEALS;
         i++) { /* work that could not be sent is dispatched to another lane */
        broker->dealt = 0;
        core_deal(broker->core, world->now);
        perform(world, broker);
    }
    core_check(broker->core);
    book_check(world, broker);
    if (fault(world, FAULT_CRASH) || (broker->stopped && (world->calm || chance(world, 50)))) {
        broker_crash(world, broker, chance(world, 500));
        core_check(broker->core);
    }
}

void world_step(struct world *world) {
    world->now += 1 + below(world, STEP_MS_MAX);
    world->now += fault(world, FAULT_STALL) ? STALL_MS : 0;
    world->day += fault(world, FAULT_MIDNIGHT) ? 1 : 0;
    world->rules += fault(world, FAULT_RULES) ? 1 : 0;
    clients_step(world);
    lanes_step(world);
    letters_step(world);
    for (uint32_t b = 0; b < BROKERS; b++) {
        step_broker(world, &world->brokers[b]);
    }
}

static bool settled(const struct world *world) {
    for (uint32_t b = 0; b < BROKERS; b++) {
        for (uint32_t i = world->brokers[b].oldest; i < world->brokers[b].record_count; i++) {
            const struct sim_record *record = &world->brokers[b].records[i];
            if (!record->deleted && !record->quarantined) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < world->batch_count; i++) {
        if (!world->batches[i].done && !world->batches[i].forgotten) {
            return false;
        }
    }
    return true;
}

void world_settle(struct world *world) {
    trace(world, "the faults end");
    world->calm = true;
    for (uint32_t i = 0; i < SETTLE_STEPS_MAX && !settled(world); i++) {
        world_step(world);
    }
    check_end(world);
}

/* Every seed draws which faults occur in its world, and how often. */
static void draw_faults(struct world *world, uint64_t faults) {
    for (uint32_t i = 0; i < FAULT_COUNT; i++) {
        uint32_t rate = 1 + below(world, FAULT_ROWS[i].most);
        bool strikes = chance(world, FAULT_STRIKES);
        world->rates[i] = strikes && (faults >> i & 1) != 0 ? rate : 0;
    }
    world->stuck = chance(world, 500);
}

void world_run(const struct plan *plan) {
    struct world *world = mem_zero(1, sizeof(*world));
    world->traced = plan->traced;
    world_init(world, plan->seed);
    draw_faults(world, plan->faults);
    for (uint32_t i = 0; i < plan->steps; i++) {
        world_step(world);
    }
    world_settle(world);
    world_fini(world);
    mem_free(world);
}
