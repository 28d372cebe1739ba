/* The client and rows: large batches go as ROWS, with what their maps state and in half the bytes;
 * a broker that refuses them gets maps. */
#include "client_play.h"

#include "casedoc/case_rows.h"
#include "cli/invent.h"
#include "cli/json_case.h"
#include "client/to_rows.h"
#include "wire/mp_write.h"

enum { CASES = 1000, CASE_BYTES_MAX = 200, ARENA_BYTES = 4 << 20 };

static struct schema *schema;

static void load_schema(void) {
    struct diag diag = {0};
    struct yaml_doc *doc = NULL;
    struct vocabulary iso = {0};
    ck_assert_int_eq(yaml_parse_file("config/case.yaml", &doc, &diag), ERR_OK);
    ck_assert_int_eq(vocabulary_load_iso(&iso, &diag), ERR_OK);
    ck_assert_msg(schema_load(doc, iso, &schema, &diag) == ERR_OK, "%s", diag.text);
    vocabulary_free(&iso);
    yaml_doc_free(&doc);
}
static void free_schema(void) { schema_free(&schema); }

/* --- the bytes -------------------------------------------------------------------------------- */

static void invent(struct buf *maps, uint32_t count, uint32_t bad_percent) {
    const struct invent_options options = {
        .seed = 7, .from = 18262, .to = 18627, .bad_percent = bad_percent};
    struct buf json = BUF_EMPTY;
    for (uint64_t i = 0; i < count; i++) {
        buf_clear(&json);
        invent_case(&options, i, &json);
        ck_assert_int_eq(json_case_encode(buf_span(&json), maps, NULL), ERR_OK);
    }
    buf_free(&json);
}

/* Decodes both forms; returns how many cases have a fault. */
static uint32_t expect_equal(struct span maps, struct span body, uint32_t count) {
    struct case_columns *columns = NULL;
    struct walk_fault fault;
    struct arena arena;
    uint32_t cut = 0;
    uint32_t faulty = 0;
    size_t map_at = 0;
    arena_init(&arena, ARENA_BYTES);
    ck_assert_int_eq(rows_walk(body, count, count, &cut, 1, &fault), ERR_OK);
    ck_assert_int_eq(case_columns_new(schema, span_make(body.ptr, cut), &columns), ERR_OK);
    size_t row_at = cut;
    for (uint32_t i = 0; i < count; i++) {
        struct case_doc map;
        struct case_doc row;
        arena_reset(&arena);
        ck_assert_int_eq(case_decode_next(schema, maps, &map_at, &arena, &map), ERR_OK);
        ck_assert_int_eq(case_row_next(columns, body, &row_at, &arena, &row), ERR_OK);
        ck_assert_uint_eq(map.fault_count, row.fault_count);
        ck_assert(map.fault_count > 0 || hash128_eq(map.digest, row.digest));
        ck_assert(map.fault_count == 0 || strcmp(map.faults[0].reason, row.faults[0].reason) == 0);
        faulty += map.fault_count > 0;
    }
    ck_assert_uint_eq(row_at, body.len);
    case_columns_unref(&columns);
    arena_free(&arena);
    return faulty;
}

START_TEST(rows_state_what_maps_state) {
    struct buf maps = BUF_EMPTY;
    struct to_rows to = {.slots = NULL};
    invent(&maps, CASES, 0);
    ck_assert(to_rows_write(&to, buf_span(&maps), CASES));
    ck_assert_uint_eq(expect_equal(buf_span(&maps), buf_span(&to.body), CASES), 0);
    ck_assert_msg(to.body.len <= (size_t)CASES * CASE_BYTES_MAX, "%zu bytes per case",
                  to.body.len / CASES);
    /* The same maps give the same bytes, whatever was made before. */
    struct buf first = BUF_EMPTY;
    buf_append(&first, buf_span(&to.body));
    ck_assert(to_rows_write(&to, buf_span(&maps), CASES / 2) == false); /* bytes are left */
    ck_assert(to_rows_write(&to, buf_span(&maps), CASES));
    ck_assert(span_eq(buf_span(&first), buf_span(&to.body)));
    to_rows_fini(&to);
    buf_free(&first);
    buf_free(&maps);
}
END_TEST

/* Batches with faulty cases stay maps, or the rows have the same faults. */
START_TEST(faults_are_the_same) {
    struct to_rows to = {.slots = NULL};
    uint32_t converted = 0;
    uint32_t faulty = 0;
    struct buf maps = BUF_EMPTY;
    invent(&maps, 20 * CASES, 4);
    size_t at = 0;
    for (uint32_t batch = 0; batch < CASES; batch++) {
        size_t start = at;
        for (int i = 0; i < 20; i++) {
            ck_assert_int_eq(walk_value(buf_span(&maps), &at), ERR_OK);
        }
        struct span some = span_make(maps.ptr + start, at - start);
        if (to_rows_write(&to, some, 20)) {
            converted++;
            faulty += expect_equal(some, buf_span(&to.body), 20);
        }
    }
    ck_assert_uint_gt(converted, CASES / 2);
    ck_assert_uint_gt(faulty, 0);
    to_rows_fini(&to);
    buf_free(&maps);
}
END_TEST

static void add_map(struct buf *out, struct span facts, struct span more) {
    buf_append(out, more.len == 0 ? SPAN_LIT("\x83") : SPAN_LIT("\x84"));
    buf_append(out, SPAN_LIT("\xa7"
                             "case_id\xa1"
                             "A\xa8revision\0\xa5"
                             "facts"));
    buf_append(out, facts);
    buf_append(out, more);
}

#define FACT "\xb9stateless_stateless_state\xc3"
START_TEST(what_a_row_cannot_state_stays_a_map) {
    struct to_rows to = {.slots = NULL};
    struct buf maps = BUF_EMPTY;
    const struct {
        struct span facts, more;
    } rows[] = {
        {SPAN_LIT("\x81" FACT), SPAN_LIT("")},      /* 0: good */
        {SPAN_LIT("\x82" FACT FACT), SPAN_LIT("")}, /* a key twice */
        {SPAN_LIT("\x82" FACT "\xa3"
                  "a.b\xc3"),
         SPAN_LIT("")},                                      /* a name with a dot */
        {SPAN_LIT("\x82" FACT "\x05\xc3"), SPAN_LIT("")},    /* a key that is no str */
        {SPAN_LIT("\xc0"), SPAN_LIT("")},                    /* no facts */
        {SPAN_LIT("\x81" FACT), SPAN_LIT("\xa1x\xc3")},      /* an unknown key */
        {SPAN_LIT("\x81" FACT), SPAN_LIT("\xa8revision\1")}, /* one of its own twice */
        {SPAN_LIT("\x82" FACT "\xa1"
                  "d\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0"),
         SPAN_LIT("")}, /* deeper than a row may be */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_clear(&maps);
        for (int k = 0; k < 20; k++) {
            size_t which = k == 13 ? i : 0;
            add_map(&maps, rows[which].facts, rows[which].more);
        }
        ck_assert_msg(to_rows_write(&to, buf_span(&maps), 20) == (i == 0), "row %zu", i);
    }
    /* The rows would be no smaller. */
    buf_clear(&maps);
    add_map(&maps, SPAN_LIT("\x80"), SPAN_LIT(""));
    buf_append(&maps, SPAN_LIT("\xc0"));
    ck_assert(!to_rows_write(&to, buf_span(&maps), 1));
    to_rows_fini(&to);
    buf_free(&maps);
}
END_TEST

/* --- the conversation --------------------------------------------------------------------------
 */

static struct casemill_options options_for_test(void) {
    struct casemill_options options;
    casemill_options_default(&options);
    options.linger_ms = -1;
    return options;
}

static void submit_many(struct play *play, uint32_t count, uint64_t position) {
    struct buf maps = BUF_EMPTY;
    invent(&maps, count, 0);
    const struct casemill_batch batch = {
        .body = maps.ptr, .body_bytes = maps.len, .count = count, .position = position};
    ck_assert_int_eq(casemill_submit_batch(play->client, &batch), CASEMILL_OK);
    buf_free(&maps);
}

static void refuse(struct play *play, const struct uuid *batch, enum wire_reason reason) {
    const struct wire_message message = {
        .command = WIRE_REFUSED, .refused = {.has_batch = true, .batch = *batch, .reason = reason}};
    say(play, &message);
}

START_TEST(large_batches_go_as_rows) {
    struct casemill_options options = options_for_test();
    struct play play;
    play_open(&play, &options);
    submit_many(&play, 100, 0);
    submit_many(&play, TO_ROWS_CASES_MIN - 1, 100);
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[0].command, WIRE_ROWS);
    ck_assert_uint_eq(play.seen[0].count, 100);
    ck_assert_uint_lt(play.seen[0].body_bytes, 100 * 220);
    ck_assert_int_eq(play.seen[1].command, WIRE_SUBMIT);
    play_close(&play);
}
END_TEST

/* An older broker, then a new one at the same address. */
START_TEST(an_older_broker_gets_maps) {
    struct casemill_options options = options_for_test();
    struct play play;
    play_open(&play, &options);
    submit_many(&play, 100, 0);
    until_seen(&play, 1);
    ck_assert_int_eq(play.seen[0].command, WIRE_ROWS);
    refuse(&play, &play.seen[0].batch, WIRE_REASON_UNKNOWN_COMMAND);
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[1].command, WIRE_SUBMIT);
    ck_assert(uuid_eq(&play.seen[1].batch, &play.seen[0].batch));
    refuse(&play, &play.seen[0].batch, WIRE_REASON_UNKNOWN_COMMAND); /* late: it is about ROWS */
    submit_many(&play, 100, 100);
    until_seen(&play, 3);
    ck_assert_int_eq(play.seen[2].command, WIRE_SUBMIT); /* asked once for a connection */
    ck_assert_uint_eq(play.told[CASEMILL_REFUSED], 0);
    ck_assert_uint_eq(casemill_unsettled(play.client), 2);
    net_socket_close(&play.router);
    net_route_drop(&play.route);
    play_bind(&play, play.endpoint);
    until_seen(&play, 5);
    submit_many(&play, 100, 200);
    until_seen(&play, 6);
    for (uint32_t i = 3; i < 6; i++) { /* what was sent as maps, stays maps */
        bool is_new = !uuid_eq(&play.seen[i].batch, &play.seen[1].batch) &&
                      !uuid_eq(&play.seen[i].batch, &play.seen[2].batch);
        ck_assert_int_eq(play.seen[i].command, is_new ? WIRE_ROWS : WIRE_SUBMIT);
    }
    play_close(&play);
}
END_TEST

/* An earlier run sent the batch as maps, and it is still in the journal. */
START_TEST(a_refusal_of_rows_is_none_of_their_cases) {
    struct casemill_options options = options_for_test();
    struct play play;
    play_open(&play, &options);
    submit_many(&play, 100, 0);
    until_seen(&play, 1);
    refuse(&play, &play.seen[0].batch, WIRE_REASON_BATCH_ID_REUSED);
    until_seen(&play, 2);
    ck_assert_int_eq(play.seen[1].command, WIRE_SUBMIT);
    ck_assert_uint_eq(play.told[CASEMILL_REFUSED], 0);
    submit_many(&play, 100, 100); /* the broker has the command */
    until_seen(&play, 3);
    ck_assert_int_eq(play.seen[2].command, WIRE_ROWS);
    refuse(&play, &play.seen[0].batch, WIRE_REASON_BATCH_ID_REUSED);
    until_told(&play, CASEMILL_REFUSED, 1);
    ck_assert_str_eq(play.last[CASEMILL_REFUSED].reason, "batch_id_reused");
    ck_assert_uint_eq(casemill_unsettled(play.client), 1);
    play_close(&play);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli client rows");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, load_schema, free_schema);
    tcase_add_test(tests, rows_state_what_maps_state);
    tcase_add_test(tests, faults_are_the_same);
    tcase_add_test(tests, what_a_row_cannot_state_stays_a_map);
    tcase_add_test(tests, large_batches_go_as_rows);
    tcase_add_test(tests, an_older_broker_gets_maps);
    tcase_add_test(tests, a_refusal_of_rows_is_none_of_their_cases);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
