/* Results of single cases: what is written is read, and no bytes of a peer are believed. */
#include "wire/results.h"

#include "base/mem.h"
#include "wire/mp_write.h"

#include <check.h>
#include <stdio.h>

static struct wire_missing fact(uint32_t i) {
    return i == 0 ? (struct wire_missing){SPAN_LIT("entry_date"),
                                          SPAN_LIT("When did the person enter?")}
                  : (struct wire_missing){SPAN_LIT("minor_ctx.accompanied"), SPAN_LIT("")};
}

/* Cases 10..14: decided, stored before, purged, dead, decided. */
static void write_five(struct buf *out) {
    struct results_writer writer = {0};
    const struct wire_missing facts[] = {fact(0), fact(1)};
    for (int again = 0; again < 2; again++) { /* it is reused */
        buf_clear(out);
        results_begin(&writer);
        results_outcome(&writer, 2, false, SPAN_LIT("US-CA"), SPAN_LIT("facts_missing"), 2);
        results_missing(&writer, &facts[0]);
        results_missing(&writer, &facts[1]);
        results_outcome(&writer, 4, true, SPAN_LIT("US-CA"), SPAN_LIT("all_conditions"), 0);
        results_outcome(&writer, 0, true, SPAN_LIT(""), SPAN_LIT("purged"), 0);
        const struct wire_dead dead = {.reason = SPAN_LIT("wrong_type"),
                                       .path = SPAN_LIT("facts.entry_date"),
                                       .expected = SPAN_LIT("date"),
                                       .found = SPAN_LIT("int")};
        results_dead(&writer, &dead);
        results_outcome(&writer, 2, false, SPAN_LIT("US-CA"), SPAN_LIT("facts_missing"), 1);
        results_missing(&writer, &facts[0]);
        results_end(&writer, 10, 5, out);
    }
    results_writer_free(&writer);
}

static void write_plain(struct buf *out, uint32_t first, uint32_t count) {
    struct results_writer writer = {0};
    results_begin(&writer);
    for (uint32_t i = 0; i < count; i++) {
        results_outcome(&writer, i % WIRE_DISPOSITIONS, false, SPAN_LIT("A"), SPAN_LIT("r"), 0);
    }
    results_end(&writer, first, count, out);
    results_writer_free(&writer);
}

START_TEST(what_is_written_is_read) {
    struct buf body = BUF_EMPTY;
    struct arena arena;
    struct wire_result results[15];
    arena_init(&arena, 1 << 20);
    write_five(&body);
    ck_assert(results_is_run(buf_span(&body), 10, 5));
    ck_assert(!results_is_run(buf_span(&body), 10, 4));
    ck_assert(!results_is_run(buf_span(&body), 9, 5));
    write_plain(&body, 0, 10); /* in any order */
    ck_assert(!results_is_run(buf_span(&body), 10, 5));
    ck_assert_int_eq(results_read(buf_span(&body), &arena, results, 15), ERR_OK);
    ck_assert_uint_eq(results[9].disposition, 4);
    ck_assert(!results[10].is_dead && !results[10].duplicate);
    ck_assert_uint_eq(results[10].disposition, 2);
    ck_assert(span_is(results[10].agreement, "US-CA"));
    ck_assert(span_is(results[10].reason, "facts_missing"));
    ck_assert_uint_eq(results[10].missing_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert(span_eq(results[10].missing[i].path, fact(i).path));
        ck_assert(span_eq(results[10].missing[i].question, fact(i).question));
    }
    ck_assert(results[11].duplicate && results[11].disposition == 4);
    ck_assert_uint_eq(results[11].missing_count, 0);
    ck_assert(results[12].duplicate && results[12].agreement.len == 0);
    ck_assert(results[13].is_dead);
    ck_assert(span_is(results[13].reason, "wrong_type"));
    ck_assert(span_is(results[13].path, "facts.entry_date"));
    ck_assert(span_is(results[13].expected, "date"));
    ck_assert(span_is(results[13].found, "int"));
    ck_assert(span_is(results[14].missing[0].question, "When did the person enter?"));
    arena_free(&arena);
    buf_free(&body);
}
END_TEST

/* The bytes are in README.md. */
START_TEST(golden) {
    static const uint8_t bytes[] = {0x95, 0x00, 0x02, /* cases 0 and 1 */
                                    0x95, 0xa1, 'A',  0xa1, 'r',  0xa1, 'p',  0xa1,
                                    '?',  0xa1, 'd',  /* texts */
                                    0x81, 0x02, 0x03, /* p is asked as ? */
                                    0x92, 0x95, 0x02, 0xc2, 0x00, 0x01, 0x91, 0x02, /* missing: p */
                                    0x95, 0xc0, 0x04, 0x02, 0x01, 0x01}; /* dead: d, p, r, r */
    struct results_writer writer = {0};
    struct buf out = BUF_EMPTY;
    results_begin(&writer);
    results_outcome(&writer, 2, false, SPAN_LIT("A"), SPAN_LIT("r"), 1);
    const struct wire_missing missing = {SPAN_LIT("p"), SPAN_LIT("?")};
    results_missing(&writer, &missing);
    const struct wire_dead dead = {.reason = SPAN_LIT("d"),
                                   .path = SPAN_LIT("p"),
                                   .expected = SPAN_LIT("r"),
                                   .found = SPAN_LIT("r")};
    results_dead(&writer, &dead);
    results_end(&writer, 0, 2, &out);
    ck_assert(span_eq(buf_span(&out), span_make(bytes, sizeof(bytes))));
    results_writer_free(&writer);
    buf_free(&out);
}
END_TEST

/* More texts than the first table holds, so that it grows; each is written once. */
START_TEST(many_texts) {
    struct results_writer writer = {0};
    struct buf out = BUF_EMPTY;
    struct arena arena;
    enum { COUNT = 5000, DIFFERENT = 700 };
    struct wire_result *results = mem_zero(COUNT, sizeof(*results));
    arena_init(&arena, 16 << 20);
    results_begin(&writer);
    for (uint32_t i = 0; i < COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "reason %u", i % DIFFERENT);
        results_outcome(&writer, 1, false, SPAN_LIT("A"), span_str(text), 0);
    }
    results_end(&writer, 0, COUNT, &out);
    ck_assert_uint_lt(out.len, DIFFERENT * 12 + COUNT * 8);
    ck_assert_int_eq(results_read(buf_span(&out), &arena, results, COUNT), ERR_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "reason %u", i % DIFFERENT);
        ck_assert(span_is(results[i].reason, text));
    }
    arena_free(&arena);
    mem_free(results);
    results_writer_free(&writer);
    buf_free(&out);
}
END_TEST

static enum err read_as(const struct buf *body, uint32_t count) {
    struct wire_result results[16];
    struct arena arena;
    arena_init(&arena, 1 << 20);
    enum err err = results_read(buf_span(body), &arena, results, count);
    arena_free(&arena);
    return err;
}

START_TEST(every_case_exactly_once) {
    struct buf body = BUF_EMPTY;
    ck_assert_int_eq(read_as(&body, 1), ERR_INVALID); /* none */
    write_plain(&body, 0, 3);
    ck_assert_int_eq(read_as(&body, 3), ERR_OK);
    ck_assert_int_eq(read_as(&body, 4), ERR_INVALID); /* one too few */
    ck_assert_int_eq(read_as(&body, 2), ERR_INVALID); /* one outside */
    write_plain(&body, 2, 2);
    ck_assert_int_eq(read_as(&body, 4), ERR_INVALID); /* case 2 twice */
    buf_free(&body);
}
END_TEST

/* Each number of a text is beyond the texts once, and once no number. */
START_TEST(no_text_of_that_number) {
    const uint8_t items[][12] = {
        {0x95, 0x02, 0xc2, 0x05, 0x00, 0x90},       /* agreement */
        {0x95, 0x02, 0xc2, 0x00, 0x05, 0x90},       /* reason */
        {0x95, 0x02, 0xc2, 0x00, 0x00, 0x91, 0x05}, /* missing */
        {0x95, 0x05, 0xc2, 0x00, 0x00, 0x90},       /* disposition */
        {0x95, 0x02, 0x00, 0x00, 0x00, 0x90},       /* duplicate */
        {0x95, 0xc0, 0x05, 0x00, 0x00, 0x00},       {0x95, 0xc0, 0x00, 0x05, 0x00, 0x00},
        {0x95, 0xc0, 0x00, 0x00, 0x05, 0x00},       {0x95, 0xc0, 0x00, 0x00, 0x00, 0x05},
    };
    const size_t lengths[] = {6, 6, 7, 6, 6, 6, 6, 6, 6};
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        struct buf body = BUF_EMPTY;
        const uint8_t head[] = {0x95, 0x00, 0x01, 0x91, 0xa1, 'A', 0x80, 0x91};
        buf_append(&body, span_make(head, sizeof(head)));
        buf_append(&body, span_make(items[i], lengths[i]));
        ck_assert_msg(read_as(&body, 1) == ERR_INVALID, "item %zu", i);
        buf_free(&body);
    }
}
END_TEST

/* Cut everywhere and with every byte changed: an answer, never a read outside (sanitizers). */
START_TEST(cut_and_changed) {
    struct buf body = BUF_EMPTY;
    write_five(&body);
    write_plain(&body, 0, 10);
    for (size_t len = 0; len < body.len; len++) {
        struct buf cut = BUF_EMPTY;
        buf_append(&cut, span_make(body.ptr, len));
        ck_assert_int_eq(read_as(&cut, 15), ERR_INVALID);
        (void)results_is_run(buf_span(&cut), 10, 5);
        buf_free(&cut);
    }
    struct rng rng = {.state = 20261201};
    for (int round = 0; round < 20000; round++) {
        struct buf changed = BUF_EMPTY;
        buf_append(&changed, buf_span(&body));
        for (int i = 0; i < 3; i++) {
            changed.ptr[rng_next(&rng) % changed.len] = (uint8_t)rng_next(&rng);
        }
        (void)read_as(&changed, 15);
        buf_free(&changed);
    }
    buf_free(&body);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wire_results");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, what_is_written_is_read);
    tcase_add_test(tcase, golden);
    tcase_add_test(tcase, many_texts);
    tcase_add_test(tcase, every_case_exactly_once);
    tcase_add_test(tcase, no_text_of_that_number);
    tcase_add_test(tcase, cut_and_changed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
