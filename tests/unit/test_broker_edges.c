/* The states of parts and batches: every edge that broker/README.md draws is walked, by what makes
 * it happen; every other one stops the program. */
#include "broker/core_priv.h" /* first: the fixture's names would be shadowed */

#include "core_fixture.h"

#include <signal.h>

enum { CASES = CORE_PART_CASES + 10, LATER = 100000 }; /* two parts; after any delay */

/* In the order of enum part_state: NEW, QUEUED, DELAYED, OUT, DONE, PARKED, SPLIT. */
static const bool PART_EDGES[PART_STATES][PART_STATES] = {
    [PART_NEW] = {0, 1, 0, 0, 0, 0, 0},     [PART_QUEUED] = {0, 0, 0, 1, 1, 1, 0},
    [PART_DELAYED] = {0, 1, 0, 1, 1, 1, 0}, [PART_OUT] = {0, 1, 1, 0, 1, 1, 1},
    [PART_DONE] = {0, 0, 0, 0, 0, 0, 0},    [PART_PARKED] = {0, 0, 0, 0, 0, 0, 0},
    [PART_SPLIT] = {0, 0, 0, 0, 1, 0, 0},
};

static struct wire_range first_part(void) {
    return (struct wire_range){JOURNAL, 1, 0, CORE_PART_CASES};
}

static void fail_it(void) {
    struct wire_range range = first_part();
    struct wire_failed said = {1, &range, SPAN_LIT("test")};
    struct net_route from = route('w', false);
    core_failed(core, &from, &said, 0);
}

static void return_it(void) {
    struct wire_range range = first_part();
    struct wire_return said = {.range_count = 1, .ranges = &range};
    struct net_route from = route('w', false);
    core_returned(core, &from, &said, 0);
}

static void deal_at(int64_t now) {
    ready('w', 1); /* one part at a time */
    core_deal(core, now);
}

static struct core_part *new_part(void) {
    uint32_t cuts[CORE_PARTS_MAX] = {0, CORE_PART_CASES};
    const struct core_batch_meta meta = {
        .source = SPAN_LIT("local"), .batch = id(1), .count = CASES, .bytes = CASES, .cuts = cuts};
    struct core_name name = core_name_of(core_source_must(core, meta.source), &meta.batch);
    core_source_joined(core, name.source);
    struct core_batch *batch = core_batch_new(core, &meta, &name, core->next_seq++);
    return &batch->parts[0];
}

static struct core_part *queued_part(void) {
    ck_assert(submit(1, CASES, route('a', false)));
    core_journaled(core, 1);
    return &core_find_seq(core, 1)->parts[0];
}

/* The first part of a batch, in that state. */
static struct core_part *part_in(enum part_state state) {
    struct core_part *part = state == PART_NEW ? new_part() : queued_part();
    if (state == PART_OUT || state == PART_DELAYED || state == PART_SPLIT) {
        deal_at(0);
    }
    if (state == PART_DELAYED || state == PART_SPLIT) {
        fail_it();
    }
    if (state == PART_SPLIT) {
        deal_at(LATER);
        fail_it();
    }
    if (state == PART_DONE) {
        done('w', 1, 0, CORE_PART_CASES, 0);
    }
    if (state == PART_PARKED) {
        core_quarantine(core, 1);
    }
    ck_assert_int_eq(part->state, state);
    return part;
}

/* What happens to it in the life of a broker. */
static void go(struct core_part *part, enum part_state to) {
    struct wire_range range = first_part();
    switch (to) {
    case PART_NEW:
        ck_abort_msg("no edge goes there");
        break;
    case PART_QUEUED:
        if (part->state == PART_NEW) {
            part_queue_last(core, part);
            part_queue_last(core, part + 1);
        } else if (part->state == PART_DELAYED) {
            core_tick(core, LATER);
        } else {
            return_it();
        }
        break;
    case PART_DELAYED:
        fail_it();
        break;
    case PART_OUT:
        if (part->state == PART_QUEUED) {
            deal_at(0);
        } else {
            beat('w', &range, 1, 0);
        }
        break;
    case PART_DONE:
        done('x', 1, 0, CORE_PART_CASES, 0);
        break;
    case PART_PARKED:
        core_quarantine(core, 1);
        break;
    case PART_SPLIT:
        fail_it();
        deal_at(LATER);
        ck_assert_int_eq(part->state, PART_OUT);
        fail_it();
        break;
    }
}

START_TEST(a_part_goes_along_the_edge) {
    struct core_part *part = part_in((enum part_state)(_i / PART_STATES));
    enum part_state to = (enum part_state)(_i % PART_STATES);
    go(part, to);
    ck_assert_int_eq(part->state, to);
    core_check(core);
}
END_TEST

START_TEST(a_part_goes_nowhere_else) {
    struct core_part *part = part_in((enum part_state)(_i / PART_STATES));
    ready('w', 1);
    switch ((enum part_state)(_i % PART_STATES)) {
    case PART_NEW:
        break;
    case PART_QUEUED:
        part_queue_front(core, part);
        break;
    case PART_DELAYED:
        part_delay(core, part, LATER);
        break;
    case PART_OUT:
        part_assign(core, part, core->lanes[0]);
        break;
    case PART_DONE:
        part_finish(core, part);
        break;
    case PART_PARKED:
        part_park(core, part);
        break;
    case PART_SPLIT:
        part_split(core, part, 16);
        break;
    }
}
END_TEST

/* The heap of delayed parts has no keys below 0. */
START_TEST(a_part_is_not_delayed_until_before_the_clock_began) {
    part_delay(core, part_in(PART_OUT), -1);
}
END_TEST

static TCase *part_cases(void) {
    TCase *cases = tcase_create("parts");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test_raise_signal(cases, a_part_is_not_delayed_until_before_the_clock_began, SIGABRT);
    for (int i = 0; i < PART_STATES * PART_STATES; i++) {
        int to = i % PART_STATES;
        if (PART_EDGES[i / PART_STATES][to]) {
            tcase_add_loop_test(cases, a_part_goes_along_the_edge, i, i + 1);
        } else if (to != PART_NEW) { /* nothing moves a part there */
            tcase_add_loop_test_raise_signal(cases, a_part_goes_nowhere_else, SIGABRT, i, i + 1);
        }
    }
    return cases;
}

/* In the order of enum batch_state: PENDING, DURABLE, QUARANTINED. */
static const bool BATCH_EDGES[BATCH_STATES][BATCH_STATES] = {
    [BATCH_PENDING] = {0, 1, 0},
    [BATCH_DURABLE] = {0, 0, 1},
    [BATCH_QUARANTINED] = {0, 0, 0},
};

static struct core_batch *batch_in(enum batch_state state) {
    ck_assert(submit(1, CASES, route('a', false)));
    if (state != BATCH_PENDING) {
        core_journaled(core, 1);
    }
    if (state == BATCH_QUARANTINED) {
        core_quarantine(core, 1);
    }
    struct core_batch *batch = core_find_seq(core, 1);
    ck_assert_int_eq(batch->state, state);
    return batch;
}

START_TEST(a_batch_goes_along_the_edge) {
    const struct core_batch *batch = batch_in((enum batch_state)(_i / BATCH_STATES));
    enum batch_state to = (enum batch_state)(_i % BATCH_STATES);
    if (to == BATCH_DURABLE) {
        core_journaled(core, 1);
    } else {
        core_quarantine(core, 1);
    }
    ck_assert_int_eq(batch->state, to);
}
END_TEST

START_TEST(a_batch_goes_nowhere_else) {
    struct core_batch *batch = batch_in((enum batch_state)(_i / BATCH_STATES));
    if (_i % BATCH_STATES == BATCH_DURABLE) {
        batch_make_durable(batch);
    } else {
        batch_quarantine(batch);
    }
}
END_TEST

static TCase *batch_cases(void) {
    TCase *cases = tcase_create("batches");
    tcase_add_checked_fixture(cases, setup, teardown);
    for (int i = 0; i < BATCH_STATES * BATCH_STATES; i++) {
        int to = i % BATCH_STATES;
        if (BATCH_EDGES[i / BATCH_STATES][to]) {
            tcase_add_loop_test(cases, a_batch_goes_along_the_edge, i, i + 1);
        } else if (to != BATCH_PENDING) { /* nothing moves a batch there */
            tcase_add_loop_test_raise_signal(cases, a_batch_goes_nowhere_else, SIGABRT, i, i + 1);
        }
    }
    return cases;
}

int main(void) {
    Suite *suite = suite_create("broker edges");
    suite_add_tcase(suite, part_cases());
    suite_add_tcase(suite, batch_cases());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
