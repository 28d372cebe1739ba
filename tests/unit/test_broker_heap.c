/* The heap against a plain search for the lowest key, through adding and removing in any order. */
#include "broker/heap.h"

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

enum { NODES = 300, STEPS = 20000, KEYS = 64 };

struct item {
    struct heap_node node;
    uint64_t key;
    bool is_in;
};
static struct item items[NODES];
static struct heap heap;

static uint32_t random_below(uint32_t *state, uint32_t end) {
    *state = *state * 1664525U + 1013904223U;
    return (*state >> 8) % end;
}

static void setup(void) {
    heap = (struct heap){0};
    for (uint32_t i = 0; i < NODES; i++) {
        items[i] = (struct item){.is_in = false};
    }
}

static void teardown(void) { heap_fini(&heap); }

static void add(uint32_t i, uint64_t key) {
    items[i].key = key;
    items[i].is_in = true;
    heap_add(&heap, &items[i].node, key);
}

START_TEST(its_first_is_the_lowest_whatever_comes_and_goes) {
    uint32_t state = 7;
    uint32_t count = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t i = random_below(&state, NODES);
        if (items[i].is_in) {
            heap_remove(&heap, &items[i].node);
            items[i].is_in = false;
            count--;
        } else {
            add(i, random_below(&state, KEYS)); /* many equal keys */
            count++;
        }
        heap_check(&heap);
        ck_assert_uint_eq(heap.len, count);
        uint64_t lowest = UINT64_MAX;
        for (uint32_t k = 0; k < NODES; k++) {
            lowest = items[k].is_in && items[k].key < lowest ? items[k].key : lowest;
        }
        const struct heap_node *first = heap_first(&heap);
        ck_assert_int_eq(first == NULL, count == 0);
        if (first != NULL) {
            ck_assert_uint_eq(first->key, lowest);
            const struct item *item = (const struct item *)first;
            ck_assert(item->is_in && item->key == lowest);
        }
    }
}
END_TEST

START_TEST(it_empties_in_the_order_of_keys) {
    for (uint32_t i = 0; i < NODES; i++) {
        add(i, UINT64_MAX - (i * 97U) % NODES); /* keys of the full width */
    }
    uint64_t before = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        const struct heap_node *first = heap_first(&heap);
        ck_assert_uint_gt(first->key, before);
        before = first->key;
        heap_remove(&heap, first);
    }
    ck_assert_ptr_null(heap_first(&heap));
}
END_TEST

START_TEST(a_node_that_is_not_in_it_stops_the_program) {
    add(0, 1);
    heap_remove(&heap, &items[1].node);
}
END_TEST

START_TEST(a_node_beyond_its_end_stops_the_program) {
    add(0, 1);
    heap_remove(&heap, &items[0].node);
    heap_remove(&heap, &items[0].node);
}
END_TEST

START_TEST(a_key_below_its_parent_is_found) {
    add(0, 1);
    add(1, 2);
    items[1].node.key = 0;
    heap_check(&heap);
}
END_TEST

START_TEST(a_node_that_lost_its_place_is_found) {
    add(0, 1);
    items[0].node.index = 1;
    heap_check(&heap);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("broker_heap");
    TCase *cases = tcase_create("heap");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, its_first_is_the_lowest_whatever_comes_and_goes);
    tcase_add_test(cases, it_empties_in_the_order_of_keys);
    tcase_add_test_raise_signal(cases, a_node_that_is_not_in_it_stops_the_program, SIGABRT);
    tcase_add_test_raise_signal(cases, a_node_beyond_its_end_stops_the_program, SIGABRT);
    tcase_add_test_raise_signal(cases, a_key_below_its_parent_is_found, SIGABRT);
    tcase_add_test_raise_signal(cases, a_node_that_lost_its_place_is_found, SIGABRT);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
