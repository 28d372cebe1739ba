/* base/: dates, hashes, names, JSON, log lines, suggestions, values. */
#include "base/clock.h"
#include "base/date.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/suggest.h"
#include "base/uuid.h"
#include "base/value.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int32_t day(const char *text) {
    int32_t days = 0;
    ck_assert_msg(date_parse(span_str(text), &days) == ERR_OK, "%s", text);
    return days;
}

START_TEST(days_count_every_day_of_the_calendar) {
    ck_assert_int_eq(day("1970-01-01"), 0);
    ck_assert_int_eq(day("1969-12-31"), -1);
    ck_assert_int_eq(day("2000-03-01"), 11017);
    ck_assert_int_eq(day("0001-01-01"), DATE_DAYS_MIN);
    ck_assert_int_eq(day("9999-12-31"), DATE_DAYS_MAX);
    int32_t last_year = 1;
    int32_t last_month = 1;
    int32_t last_day = 0;
    for (int32_t days = DATE_DAYS_MIN; days <= DATE_DAYS_MAX; days++) {
        int32_t y = 0;
        int32_t m = 0;
        int32_t d = 0;
        date_to_civil(days, &y, &m, &d);
        bool next_day = y == last_year && m == last_month && d == last_day + 1;
        bool next_month = y == last_year && m == last_month + 1 && d == 1;
        bool next_year =
            y == last_year + 1 && last_month == 12 && last_day == 31 && m == 1 && d == 1;
        if (!(next_day || next_month || next_year) || !date_is_civil(y, m, d) ||
            date_from_civil(y, m, d) != days) {
            ck_abort_msg("day %d is %d-%d-%d", days, y, m, d);
        }
        last_year = y;
        last_month = m;
        last_day = d;
    }
}
END_TEST

START_TEST(only_whole_days_are_read) {
    static const char *const wrong[] = {"",           "2020-1-01",  "2020-02-30", "1900-02-29",
                                        "2100-02-29", "2020-00-01", "2020-13-01", "2020-01-00",
                                        "2020-01-32", "0000-01-01", "2020/01/01", "2020-01-01 ",
                                        "2020-01-0a", "-020-01-01", "2020-04-31", "1990-05"};
    int32_t days = 77;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ck_assert_msg(date_parse(span_str(wrong[i]), &days) == ERR_INVALID, "%s", wrong[i]);
    }
    ck_assert_int_eq(days, 77);
    ck_assert_int_eq(day("2000-02-29") - day("2000-02-28"), 1);
    char text[DATE_TEXT_BYTES];
    date_format(day("0987-06-05"), text);
    ck_assert_str_eq(text, "0987-06-05");
}
END_TEST

static const struct {
    const char *from, *to;
    int32_t years, months;
} SPANS[] = {
    {"2000-01-10", "2018-01-09", 17, 215}, {"2000-01-10", "2018-01-10", 18, 216},
    {"2004-02-29", "2022-02-28", 17, 215}, {"2004-02-29", "2022-03-01", 18, 216},
    {"2004-02-29", "2024-02-29", 20, 240}, {"2020-01-31", "2020-02-29", 0, 0},
    {"2020-01-31", "2020-03-01", 0, 1},    {"2020-05-05", "2020-05-05", 0, 0},
};

/* Every byte at every place of a day, and two of them at once, as sscanf would not read them. */
START_TEST(no_byte_but_its_own_passes_for_a_digit_or_a_dash) {
    for (size_t at = 0; at < 10; at++) {
        for (unsigned byte = 0; byte < 256 * 256; byte++) {
            char text[] = "1994-11-15";
            text[at] = (char)(byte & 0xff);
            text[(at + 1) % 10] = (char)(byte >> 8);
            bool is_shaped = true;
            for (size_t i = 0; i < 10; i++) {
                is_shaped = is_shaped &&
                            (i == 4 || i == 7 ? text[i] == '-' : text[i] >= '0' && text[i] <= '9');
            }
            int32_t days = 0;
            enum err err = date_parse(span_make(text, 10), &days);
            int year = is_shaped ? atoi(text) : 0;
            bool is_day = is_shaped && date_is_civil(year, atoi(text + 5), atoi(text + 8));
            ck_assert_int_eq(err, is_day ? ERR_OK : ERR_INVALID);
            ck_assert(!is_day || days == date_from_civil(year, atoi(text + 5), atoi(text + 8)));
        }
    }
}
END_TEST

START_TEST(completed_years_and_months_go_both_ways) {
    int32_t from = day(SPANS[_i].from);
    int32_t to = day(SPANS[_i].to);
    ck_assert_int_eq(date_years(from, to), SPANS[_i].years);
    ck_assert_int_eq(date_months(from, to), SPANS[_i].months);
    ck_assert_int_eq(date_years(to, from), -SPANS[_i].years);
    ck_assert_int_eq(date_months(to, from), -SPANS[_i].months);
}
END_TEST

START_TEST(hashes_are_the_published_ones) {
    struct buf hex = BUF_EMPTY;
    struct hash128 empty = hash128(span_make(NULL, 0));
    buf_hex(&hex, span_make(empty.bytes, sizeof(empty.bytes)));
    ck_assert_str_eq(buf_cstr(&hex), "99aa06d3014798d86001c324468d497f");
    buf_free(&hex);
    ck_assert_uint_eq(hash64(span_make(NULL, 0)), 0x2d06800538d394c2);
    struct hash128 other = hash128(SPAN_LIT("a"));
    ck_assert(!hash128_eq(empty, other));
    struct hash128 joined = hash128_joined(SPAN_LIT("case"), SPAN_LIT("mill"));
    ck_assert(hash128_eq(joined, hash128(SPAN_LIT("casemill"))));
    ck_assert(hash128_eq(hash128_joined(SPAN_LIT("a"), span_make(NULL, 0)), other));
    char sha[SHA256_HEX_BYTES];
    sha256_hex(SPAN_LIT("abc"), sha);
    ck_assert_str_eq(sha, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(uuids_are_random_and_readable) {
    struct uuid one = uuid_random();
    struct uuid two = uuid_random();
    ck_assert(!uuid_eq(&one, &two));
    ck_assert_uint_eq(one.bytes[6] >> 4, 4);
    ck_assert_uint_eq(one.bytes[8] >> 6, 2);
    char text[UUID_TEXT_BYTES];
    uuid_format(&one, text);
    ck_assert_uint_eq(strlen(text), UUID_TEXT_BYTES - 1);
    struct uuid back = two;
    ck_assert_int_eq(uuid_parse(span_str(text), &back), ERR_OK);
    ck_assert(uuid_eq(&one, &back));
    static const char *const wrong[] = {"", "00112233445566778899aabbccddee",
                                        "zz112233445566778899aabbccddeeff",
                                        "00112233445566778899aabbccddeeff0"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ck_assert_int_eq(uuid_parse(span_str(wrong[i]), &back), ERR_INVALID);
    }
    ck_assert(uuid_eq(&one, &back));
    ck_assert_int_eq(uuid_parse(SPAN_LIT("00112233-4455-6677-8899-AABBCCDDEEFF"), &back), ERR_OK);
    ck_assert_uint_eq(back.bytes[15], 0xff);
}
END_TEST

START_TEST(a_seed_gives_its_row_of_numbers) {
    struct rng rng = {.state = 1234567};
    ck_assert_uint_eq(rng_next(&rng), 6457827717110365317U);
    ck_assert_uint_eq(rng_next(&rng), 3203168211198807973U);
    bool seen[7] = {false};
    for (int i = 0; i < 1000; i++) {
        uint64_t below = rng_below(&rng, 7);
        ck_assert_uint_lt(below, 7);
        seen[below] = true;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        ck_assert(seen[i]);
    }
}
END_TEST

START_TEST(json_places_commas_and_escapes) {
    struct buf out = BUF_EMPTY;
    struct json json;
    json_init(&json, &out);
    json_object_open(&json);
    json_key(&json, "a\"b");
    json_array_open(&json);
    json_int(&json, INT64_MIN);
    json_uint(&json, UINT64_MAX);
    json_double(&json, 0.5);
    json_double(&json, NAN);
    json_bool(&json, true);
    json_nil(&json);
    json_object_open(&json);
    json_object_close(&json);
    json_array_close(&json);
    json_key(&json, "t");
    json_str(&json, "q\\\n\x01\xc3\xa9");
    json_key(&json, "bad");
    json_span(&json, SPAN_LIT("x\xff\xc3y\xed\xa0\x80"));
    json_object_close(&json);
    ck_assert_str_eq(
        buf_cstr(&out),
        "{\"a\\\"b\":[-9223372036854775808,18446744073709551615,0.5,null,true,null,{}],"
        "\"t\":\"q\\\\\\u000a\\u0001\xc3\xa9\","
        "\"bad\":\"x\xef\xbf\xbd\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
    buf_free(&out);
}
END_TEST

/* What was written on stderr between two calls. */
static int stderr_to_pipe(void) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    (void)close(ends[1]);
    return ends[0];
}

static size_t read_pipe(int from, char *text, size_t bytes) {
    ssize_t got = read(from, text, bytes - 1);
    ck_assert_int_gt(got, 0);
    text[got] = '\0';
    return (size_t)got;
}

/* Every byte at every place of a text of every length: what needs no escape stands for itself. */
START_TEST(json_escapes_at_every_position) {
    struct buf out = BUF_EMPTY;
    for (size_t len = 1; len <= 20; len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 0x80; byte++) {
                char text[] = "abcdefghijklmnopqrst";
                char wanted[64];
                bool is_named = byte == '"' || byte == '\\';
                text[at] = (char)byte;
                (void)snprintf(wanted, sizeof(wanted),
                               is_named                      ? "\"%.*s\\%c%.*s\""
                               : byte < 0x20 || byte == 0x7f ? "\"%.*s\\u%04x%.*s\""
                                                             : "\"%.*s%c%.*s\"",
                               (int)at, text, (int)byte, (int)(len - at - 1), text + at + 1);
                struct json json;
                buf_clear(&out);
                json_init(&json, &out);
                json_span(&json, span_make(text, len));
                ck_assert_str_eq(buf_cstr(&out), wanted);
            }
        }
    }
    buf_free(&out);
}
END_TEST

START_TEST(a_log_event_is_one_line) {
    int from = stderr_to_pipe();
    struct log_options options = {.program = "tester", .level_min = LOG_INFO};
    log_setup(&options);
    LOG(EV_PROGRAM_READY, "text=\"%s\" n=%d", "a\nb", 7);
    char text[4096];
    (void)read_pipe(from, text, sizeof(text));
    ck_assert_ptr_nonnull(
        strstr(text, " level=info program=tester event=PROGRAM_READY text=\"a b\" n=7\n"));
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    ck_assert_uint_eq(strspn(text, "time=0123456789-T:.Z"),
                      strlen("time=2000-01-01T00:00:00.000Z"));
    options.level_min = LOG_WARN;
    log_setup(&options);
    LOG(EV_PROGRAM_READY, "n=%d", 8); /* below the level: nothing */
    options.json = true;
    log_setup(&options);
    LOG(EV_SETTING_WARNING, "file=%s text=\"%s\" n=%d", "", "wanted key=\"value\" words", 9);
    (void)read_pipe(from, text, sizeof(text));
    ck_assert_ptr_null(strstr(text, "n=8"));
    ck_assert_ptr_nonnull(strstr(text,
                                 "\"event\":\"SETTING_WARNING\",\"file\":\"\",\"text\":\"wanted "
                                 "key=\\\"value\\\" words\",\"n\":9}\n"));
    log_set_json(false);
    LOG(EV_SETTING_WARNING, "text=\"%s\" n=%d", "a \"b\" \033[31mc", 9);
    (void)read_pipe(from, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "event=SETTING_WARNING text=\"a \\\"b\\\"  [31mc\" n=9\n"));
}
END_TEST

static void expect_line(int from, const char *end) {
    char text[4096];
    (void)read_pipe(from, text, sizeof(text));
    size_t len = strlen(text);
    ck_assert_msg(len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0,
                  "wanted %s in %s", end, text);
}

/* The format gives the type: an id of digits is a text, whatever it looks like. */
START_TEST(a_json_log_line_has_types) {
    int from = stderr_to_pipe();
    log_setup(&(struct log_options){.program = "tester", .json = true, .level_min = LOG_INFO});
    LOG(EV_PEER_MUTE, "by_ms=%lld signals=%d lanes=%u len=%zu", -12LL, -3, 4U, (size_t)5);
    expect_line(from, "_MUTE\",\"by_ms\":-12,\"signals\":-3,\"lanes\":4,\"len\":5}\n");
    LOG(EV_PEER_MUTE, "case=%s n=%llu", "12", (unsigned long long)UINT64_MAX);
    expect_line(from, "_MUTE\",\"case\":\"12\",\"n\":18446744073709551615}\n");
    LOG(EV_PEER_MUTE, "case=\"%s\" planned=true again=false", "12");
    expect_line(from, "_MUTE\",\"case\":\"12\",\"planned\":true,\"again\":false}\n");
    LOG(EV_PEER_MUTE, "name=%s quoted=\"%d\" id=%.3s", "true", 5, "0123");
    expect_line(from, "_MUTE\",\"name\":\"true\",\"quoted\":\"5\",\"id\":\"012\"}\n");
    /* A text that looks like more fields: what follows is a text. */
    LOG(EV_PEER_MUTE, "name=%s n=%d", "a z=5", 3);
    expect_line(from, "_MUTE\",\"name\":\"a\",\"z\":\"5\",\"n\":\"3\"}\n");
    LOG(EV_PEER_MUTE, "name=%s n=%d", "a n=0x5", 3);
    expect_line(from, "_MUTE\",\"name\":\"a\",\"n\":\"0x5\",\"n\":\"3\"}\n");
}
END_TEST

/* A number that the line's end cuts would be another number. */
START_TEST(a_cut_number_is_a_text) {
    static char long_text[4096];
    char text[8192];
    int from = stderr_to_pipe();
    log_setup(&(struct log_options){.program = "tester", .json = true, .level_min = LOG_INFO});
    memset(long_text, 'x', sizeof(long_text) - 1);
    LOG(EV_SETTING_WARNING, "text=%.2036s n=%d", long_text, 123456789);
    (void)read_pipe(from, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, ",\"n\":\"123\"}\n"));
    LOG(EV_SETTING_WARNING, "text=%.2030s n=%d", long_text, 123456789);
    (void)read_pipe(from, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, ",\"n\":123456789}\n"));
}
END_TEST

/* Lines of the event in the text, plus the left-out lines that they report. */
static unsigned lines_and_suppressed(const char *text, unsigned *lines) {
    unsigned sum = 0;
    for (const char *at = strstr(text, "PEER_REFUSED"); at != NULL;) {
        sum++;
        *lines += 1;
        at = strstr(at + 1, "PEER_REFUSED");
    }
    for (const char *at = strstr(text, "suppressed"); at != NULL;
         at = strstr(at + 1, "suppressed")) {
        sum += (unsigned)strtoul(at + strcspn(at, "0123456789"), NULL, 10);
    }
    return sum;
}

START_TEST(a_repeated_event_is_cut_and_counted) {
    static char text[65536];
    int from = stderr_to_pipe();
    struct log_options options = {.program = "tester", .json = _i == 1, .level_min = LOG_INFO};
    log_setup(&options);
    for (int i = 0; i < 100; i++) {
        LOG(EV_PEER_REFUSED, "n=%d", i);
    }
    LOG(EV_LANE_SILENT, "n=%d", 0); /* another event is not held back */
    (void)read_pipe(from, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "LANE_SILENT"));
    unsigned lines = 0;
    unsigned sum = lines_and_suppressed(text, &lines);
    ck_assert_uint_ge(lines, 20);
    ck_assert_uint_le(lines, 60); /* the seconds may have turned in between */
    clock_sleep_ms(1050);
    LOG(EV_PEER_REFUSED, "n=%d", 100);
    (void)read_pipe(from, text, sizeof(text));
    sum += lines_and_suppressed(text, &lines);
    ck_assert_uint_eq(sum, 101);
}
END_TEST

static const char *nearest(const char *wanted) {
    static const char *const names[] = {"birth_date", "entry_date", "claim_date", "married"};
    static char best[64];
    struct suggest suggest;
    suggest_init(&suggest, span_str(wanted));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        suggest_offer(&suggest, span_str(names[i]));
    }
    if (suggest.best.ptr == NULL) {
        return NULL;
    }
    (void)snprintf(best, sizeof(best), "%.*s", SPAN_ARG(suggest.best));
    return best;
}

START_TEST(the_nearest_name_is_found_or_none) {
    ck_assert_str_eq(nearest("birthdate"), "birth_date");
    ck_assert_str_eq(nearest("claim_dat"), "claim_date");
    ck_assert_str_eq(nearest("maried"), "married");
    ck_assert_ptr_null(nearest("zzzzzzz"));
    ck_assert_ptr_null(
        nearest("a_name_that_is_far_longer_than_any_that_can_be_compared_with_another"));
}
END_TEST

START_TEST(values_hold_what_they_were_made_of) {
    ck_assert(value_bool(true).kind == VAL_BOOL && value_bool(true).b);
    ck_assert_int_eq(value_date(-1).i, -86400);
    struct value text = value_string(SPAN_LIT("abc"));
    ck_assert(span_is(value_span(text), "abc"));
    struct path_set set = {{0}};
    ck_assert(path_set_is_empty(&set));
    value_unknown_paths(value_unknown(PATHS_MAX - 1), &set);
    path_set_add(&set, 63);
    ck_assert(path_set_has(&set, PATHS_MAX - 1) && path_set_has(&set, 63));
    ck_assert(!path_set_has(&set, 64) && !path_set_has(&set, PATHS_MAX));
    struct path_set other = {{0}};
    value_unknown_paths((struct value){.kind = VAL_UNKNOWN, .paths = &set}, &other);
    ck_assert_mem_eq(&set, &other, sizeof(set));
}
END_TEST

START_TEST(a_path_out_of_range_stops_the_program) {
    (void)fclose(stderr);
    struct path_set set = {{0}};
    path_set_add(&set, PATHS_MAX);
}
END_TEST

START_TEST(clocks_run_forward) {
    int64_t before = clock_mono_ns();
    clock_sleep_ms(5);
    ck_assert_int_ge(clock_mono_ns() - before, 5000000);
    ck_assert_int_gt(clock_wall_us(), (int64_t)day("2024-01-01") * 86400 * 1000000);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base_text");
    TCase *cases = tcase_create("text");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, days_count_every_day_of_the_calendar);
    tcase_add_test(cases, only_whole_days_are_read);
    tcase_add_test(cases, no_byte_but_its_own_passes_for_a_digit_or_a_dash);
    tcase_add_loop_test(cases, completed_years_and_months_go_both_ways, 0, (int)COUNT_OF(SPANS));
    tcase_add_test(cases, hashes_are_the_published_ones);
    tcase_add_test(cases, uuids_are_random_and_readable);
    tcase_add_test(cases, a_seed_gives_its_row_of_numbers);
    tcase_add_test(cases, json_places_commas_and_escapes);
    tcase_add_test(cases, json_escapes_at_every_position);
    tcase_add_test(cases, a_log_event_is_one_line);
    tcase_add_test(cases, a_json_log_line_has_types);
    tcase_add_test(cases, a_cut_number_is_a_text);
    tcase_add_loop_test(cases, a_repeated_event_is_cut_and_counted, 0, 2);
    tcase_add_test(cases, the_nearest_name_is_found_or_none);
    tcase_add_test(cases, values_hold_what_they_were_made_of);
    tcase_add_test_raise_signal(cases, a_path_out_of_range_stops_the_program, SIGABRT);
    tcase_add_test(cases, clocks_run_forward);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
