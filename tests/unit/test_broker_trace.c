/* What TRACE shows of a batch in each state, and what the log looks up.  Looking changes nothing.
 */
#include "core_fixture.h"

#include <string.h>

static struct core_trace trace; /* of the last look */

/* How many sources have a batch of that name; trace is the last of them. */
static uint32_t look(uint8_t name) {
    struct uuid batch = id(name);
    uint32_t index = 0;
    uint32_t found = 0;
    while (core_trace(core, &batch, &index, &trace)) {
        found++;
    }
    core_check(core);
    return found;
}

static void is_in_state(const char *state, uint32_t cases, uint32_t parts) {
    ck_assert_str_eq(trace.state, state);
    ck_assert_uint_eq(trace.cases, cases);
    ck_assert_uint_eq(trace.part_count, parts);
    ck_assert_int_eq(trace.accepted_at, 5);
}

START_TEST(a_batch_in_each_state) {
    ck_assert_uint_eq(look('a'), 0);
    uint64_t seq = submit('a', CORE_PART_CASES + 1, route('p', false));
    ck_assert_uint_eq(look('a'), 1);
    is_in_state("pending", CORE_PART_CASES + 1, 2);
    core_journaled(core, seq);
    ck_assert_uint_eq(look('a'), 1);
    is_in_state("queued", CORE_PART_CASES + 1, 2);
    ck_assert_str_eq(trace.source, "local");
    ck_assert_uint_eq(trace.seq, seq);
    ck_assert_str_eq(trace.parts[1].state, "queued");
    ck_assert_uint_eq(trace.parts[1].first, CORE_PART_CASES);
    ck_assert_uint_eq(trace.parts[1].count, 1);
    ck_assert(!trace.parts[1].has_lane);
    ready('w', CORE_PART_CASES * 2);
    core_deal(core, 0);
    done('w', seq, CORE_PART_CASES, 1, 1);
    ck_assert_uint_eq(look('a'), 1);
    is_in_state("working", CORE_PART_CASES + 1, 2);
    ck_assert_str_eq(trace.parts[0].state, "in_flight");
    ck_assert(trace.parts[0].has_lane && uuid_eq(&trace.parts[0].lane, &(struct uuid){{'w'}}));
    ck_assert_uint_eq(trace.parts[0].attempt, 1);
    ck_assert_str_eq(trace.parts[1].state, "committed");
    ck_assert_uint_eq(trace.done_cases, 1);
    done('w', seq, 0, CORE_PART_CASES, 0);
    ck_assert_uint_eq(look('a'), 1);
    is_in_state("done", CORE_PART_CASES + 1, 0);
    ck_assert_uint_eq(trace.dead, 1);
}
END_TEST

START_TEST(a_packed_batch_stays_packed) {
    struct core_label label;
    struct core_stats stats;
    uint64_t seq = submit('a', 3, route('p', false));
    core_journaled(core, seq);
    core_pack(core, seq, NULL);
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.packed, 1);
    ck_assert_uint_eq(look('a'), 1);
    is_in_state("queued", 3, 1);
    ck_assert_uint_eq(trace.seq, seq);
    ck_assert_uint_eq(trace.parts[0].count, 3);
    ck_assert(core_label(core, seq, &label));
    ck_assert(uuid_eq(&label.batch, &(struct uuid){{'a'}}));
    ck_assert_str_eq(label.source, "local");
    ck_assert(!core_label(core, seq + 1, &label));
    core_stats(core, 0, &stats);
    ck_assert_uint_eq(stats.packed, 1);
}
END_TEST

START_TEST(each_source_has_its_own_batch_of_that_name) {
    uint64_t seq = submit_as("east", 'a', 1, WIRE_NORMAL, route('p', false), WIRE_ACK_JOURNAL, 1);
    core_journaled(core, seq);
    (void)submit_as("west", 'a', 2, WIRE_URGENT, route('q', false), WIRE_ACK_JOURNAL, 2);
    ck_assert_uint_eq(look('a'), 2);
    is_in_state("pending", 2, 1);
    ck_assert_str_eq(trace.source, "west");
    ck_assert_int_eq(trace.priority, WIRE_URGENT);
    ck_assert(core_has_source(core, SPAN_LIT("east")));
    ck_assert(!core_has_source(core, SPAN_LIT("north")));
    core_quarantine(core, seq);
    ck_assert_uint_eq(look('a'), 2);
}
END_TEST

/* Each time the part that fails is cut into 16. */
START_TEST(a_batch_of_many_parts_is_shown_in_part) {
    int64_t now = 0;
    uint64_t seq = submit('a', CORE_PART_CASES, route('p', false));
    core_journaled(core, seq);
    struct net_route from = route('w', false);
    for (uint32_t i = 0; i < 200 && trace.part_count <= CORE_TRACE_PARTS; i++) {
        now += 100000;
        ready('w', 1); /* one at a time */
        core_actions_clear(core);
        core_deal(core, now);
        const struct core_work *work = &find(CORE_WORK, 0)->work;
        struct wire_range range = {JOURNAL, seq, work->first, work->count};
        struct wire_failed said = {1, &range, SPAN_LIT("test")};
        core_failed(core, &from, &said, now);
        ck_assert_uint_eq(look('a'), 1);
    }
    ck_assert_uint_gt(trace.part_count, CORE_TRACE_PARTS);
    uint32_t cases = 0;
    for (uint32_t i = 0; i < CORE_TRACE_PARTS; i++) {
        ck_assert_uint_eq(trace.parts[i].first, cases);
        cases += trace.parts[i].count;
    }
    ck_assert_uint_lt(cases, CORE_PART_CASES);
    is_in_state("working", CORE_PART_CASES, trace.part_count);
}
END_TEST

START_TEST(a_lane_by_its_route) {
    struct uuid lane;
    struct net_route from = route('w', false);
    ck_assert(!core_lane_of(core, &from, &lane));
    ready('w', 1);
    ck_assert(core_lane_of(core, &from, &lane));
    ck_assert(uuid_eq(&lane, &(struct uuid){{'w'}}));
}
END_TEST

/* The fixture remembers four.  Forty names share four buckets. */
START_TEST(only_the_last_ones_done_are_remembered) {
    enum { NAMES = 40, REMEMBERED = 4 };
    for (uint32_t name = 1; name <= NAMES; name++) {
        uint64_t seq = submit((uint8_t)name, name, route('p', false));
        core_journaled(core, seq);
        done('w', seq, 0, name, 0);
        for (uint32_t old = 1; old <= NAMES; old++) {
            bool is_known = old <= name && old + REMEMBERED > name;
            ck_assert_uint_eq(look((uint8_t)old), is_known ? 1 : 0);
            ck_assert(!is_known || trace.cases == old);
        }
    }
    uint64_t again = submit(NAMES, NAMES, route('p', false));
    core_journaled(core, again);
    done('w', again, 0, NAMES, 1);
    ck_assert_uint_eq(look(NAMES), 1);
    ck_assert_uint_eq(trace.dead, 1); /* the later of two */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker trace");
    TCase *tests = tcase_create("trace");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_batch_in_each_state);
    tcase_add_test(tests, a_packed_batch_stays_packed);
    tcase_add_test(tests, each_source_has_its_own_batch_of_that_name);
    tcase_add_test(tests, a_batch_of_many_parts_is_shown_in_part);
    tcase_add_test(tests, a_lane_by_its_route);
    tcase_add_test(tests, only_the_last_ones_done_are_remembered);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
