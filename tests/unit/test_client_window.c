/* The client's window: found by id, sent in the order of submission whatever came between, asked
 * after in the order of silence. */
#include "client/window.h"

#include <check.h>
#include <stdlib.h>

enum { SIZE = 500 };

static struct uuid id_of(uint32_t number) {
    struct uuid id = {{0}};
    uint32_t mixed = number % 3; /* many share a place */
    memcpy(id.bytes, &mixed, sizeof(mixed));
    memcpy(id.bytes + 8, &number, sizeof(number));
    return id;
}

static struct batch *add(struct window *window, uint32_t number) {
    struct uuid id = id_of(number);
    struct buf bytes = BUF_EMPTY;
    buf_byte(&bytes, (uint8_t)number);
    struct batch *batch = window_add(window, &id, &bytes);
    ck_assert_ptr_null(bytes.ptr);
    batch->tag = number;
    return batch;
}

static void check_order(const struct batch_list *list, uint32_t count) {
    const struct batch *before = NULL;
    uint32_t found = 0;
    for (const struct batch *at = list->first; at != NULL; at = at->next) {
        ck_assert_ptr_eq(at->prev, before);
        ck_assert(before == NULL || before->ordinal < at->ordinal);
        before = at;
        found++;
    }
    ck_assert_ptr_eq(list->last, before);
    ck_assert_uint_eq(found, count);
}

START_TEST(each_is_found_and_settled) {
    struct window window;
    window_init(&window, SIZE);
    for (uint32_t round = 0; round < 3; round++) { /* places are used again */
        for (uint32_t i = 0; i < SIZE; i++) {
            (void)add(&window, i);
        }
        for (uint32_t i = 0; i < SIZE; i++) {
            struct uuid id = id_of(SIZE - 1 - i);
            struct batch *batch = window_find(&window, &id);
            ck_assert_ptr_nonnull(batch);
            ck_assert_uint_eq(batch->tag, SIZE - 1 - i);
            window_settle(&window, batch);
            ck_assert_ptr_null(window_find(&window, &id));
        }
        ck_assert_uint_eq(window.count, 0);
    }
    window_fini(&window);
}
END_TEST

START_TEST(of_one_id_the_oldest_is_found) {
    struct window window;
    window_init(&window, SIZE);
    struct batch *first = add(&window, 7);
    (void)add(&window, 8);
    (void)add(&window, 7);
    struct uuid id = id_of(7);
    ck_assert_ptr_eq(window_find(&window, &id), first);
    window_settle(&window, first);
    ck_assert_uint_eq(window_find(&window, &id)->ordinal, 2);
    window_fini(&window);
}
END_TEST

/* Whatever was sent, answered and sent again: to_send keeps the order of submission. */
START_TEST(sent_again_in_order) {
    struct window window;
    window_init(&window, SIZE);
    srand(7);
    uint32_t added = 0;
    for (uint32_t step = 0; step < 20000; step++) {
        struct uuid id = id_of((uint32_t)rand() % SIZE);
        struct batch *batch = window_find(&window, &id);
        int what = rand() % 100;
        if (batch == NULL) {
            if (added < SIZE) {
                (void)add(&window, added++);
            }
        } else if (what < 60 && window.to_send.first != NULL) {
            window_await(&window, window.to_send.first, BATCH_SENT, step);
        } else if (what < 98 && batch->state != BATCH_TO_SEND) {
            window_send_again(&window, batch);
        } else if (what == 99) {
            window_send_all_again(&window);
            ck_assert_ptr_null(window.waiting.first);
            check_order(&window.to_send, window.count);
        }
        if (step % 100 != 0) {
            continue;
        }
        uint32_t waiting = 0;
        for (struct batch *at = window.waiting.first; at != NULL; at = at->next) {
            ck_assert(at->next == NULL || at->waiting_since_ms <= at->next->waiting_since_ms);
            waiting++;
        }
        check_order(&window.to_send, window.count - waiting);
    }
    ck_assert_uint_eq(added, SIZE);
    window_fini(&window);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client window");
    TCase *cases = tcase_create("client window");
    tcase_add_test(cases, each_is_found_and_settled);
    tcase_add_test(cases, of_one_id_the_oldest_is_found);
    tcase_add_test(cases, sent_again_in_order);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
