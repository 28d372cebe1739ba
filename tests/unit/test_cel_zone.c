/* Time zones. A constant name is read once, when its condition is compiled. Other names are read
 * once per run state and kept, a bounded number of them. The test removes the right to open
 * files to prove that nothing is read again. Offsets are compared with those of the C library,
 * zone by zone. */
#include "base/io.h"
#include "base/uuid.h"
#include "cel/cel.h"
#include "cel/zone.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum {
    ARENA_BYTES = 64 * 1024,
    NOON = 1577880000, /* 2020-01-01T12:00:00Z */
    ZONES_MIN = 200,   /* in the list of zones */
    INSTANTS = 200,    /* tried of each zone */
    LIST_BYTES_MAX = 1024 * 1024
};

struct fixture {
    struct cel_env *env;
    struct arena arena;
    struct cel_run run;
    struct value slots[2];
};

static void setup(struct fixture *f) {
    *f = (struct fixture){.env = cel_env_new()};
    const struct cel_type *instant = cel_type(f->env, CEL_TIMESTAMP);
    const struct cel_type *text = cel_type(f->env, CEL_STRING);
    ck_assert_int_eq(cel_declare_slot(f->env, "at", instant, 0, NULL), ERR_OK);
    ck_assert_int_eq(cel_declare_slot(f->env, "zone", text, 1, NULL), ERR_OK);
    arena_init(&f->arena, ARENA_BYTES);
    cel_run_init(&f->run, f->env, &f->arena);
    f->slots[0] = (struct value){.kind = VAL_TIMESTAMP, .i = NOON};
}

static void teardown(struct fixture *f) {
    cel_run_fini(&f->run);
    arena_free(&f->arena);
    cel_env_free(&f->env);
}

static struct cel_program *compiled(struct fixture *f, const char *source) {
    struct cel_program *program = NULL;
    ck_assert_int_eq(cel_compile(f->env, span_str(source), NULL, &program, NULL), ERR_OK);
    return program;
}

static void expect(struct fixture *f, const struct cel_program *program, const char *expected) {
    struct buf found = BUF_EMPTY;
    arena_reset(&f->arena);
    cel_run_begin(&f->run, f->slots);
    cel_value_print(cel_run(&f->run, program), &found);
    ck_assert_str_eq(buf_cstr(&found), expected);
    buf_free(&found);
}

static void expect_in(struct fixture *f, const struct cel_program *program, const char *zone,
                      const char *expected) {
    f->slots[1] = value_string(span_str(zone));
    expect(f, program, expected);
}

/* Between the two no file can be opened. */
static struct rlimit open_nothing(void) {
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

static void open_again(struct rlimit before) {
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

START_TEST(test_a_constant_zone_is_read_when_it_is_compiled) {
    struct fixture f;
    setup(&f);
    struct cel_program *hours = compiled(&f, "at.getHours('America/New_York')");
    struct cel_program *day = compiled(&f, "at.getDate('Asia' + '/Tokyo')");
    struct cel_program *fixed = compiled(&f, "at.getMinutes('-03:30')");
    struct rlimit before = open_nothing();
    expect(&f, hours, "7");
    expect(&f, day, "1");
    expect(&f, fixed, "30");
    f.slots[0].i += 4 * 3600;
    expect(&f, day, "2");
    f.slots[0] = value_unknown(3);
    struct path_set paths = {0};
    struct value open = cel_run(&f.run, hours);
    ck_assert_uint_eq(open.kind, VAL_UNKNOWN);
    value_unknown_paths(open, &paths);
    ck_assert(path_set_has(&paths, 3));
    open_again(before);
    cel_program_free(&hours);
    cel_program_free(&day);
    cel_program_free(&fixed);
    teardown(&f);
}
END_TEST

START_TEST(test_a_constant_that_is_no_zone_is_a_constant_error) {
    struct fixture f;
    setup(&f);
    struct cel_program *wrong = compiled(&f, "at.getHours('No/Such') == 1");
    struct cel_program *absorbed = compiled(&f, "at.getHours('No/Such') == 1 || zone == 'x'");
    struct diag diag = {0};
    f.slots[0] = value_unknown(0);
    expect(&f, wrong, "error(argument)"); /* an error wins over an unknown */
    ck_assert_int_eq(cel_program_lint(wrong, &diag), ERR_INVALID);
    ck_assert_uint_eq(diag.offset, strlen("at.getHours("));
    f.slots[1] = value_string(span_str("x"));
    expect(&f, absorbed, "true");
    cel_program_free(&wrong);
    cel_program_free(&absorbed);
    teardown(&f);
}
END_TEST

START_TEST(test_other_names_are_read_once_a_run) {
    struct fixture f;
    setup(&f);
    struct cel_program *hours = compiled(&f, "at.getHours(zone)");
    expect_in(&f, hours, "America/New_York", "7");
    expect_in(&f, hours, "No/Such", "error(argument)");
    expect_in(&f, hours, "", "12");
    struct rlimit before = open_nothing();
    expect_in(&f, hours, "America/New_York", "7");
    expect_in(&f, hours, "No/Such", "error(argument)");
    expect_in(&f, hours, "Asia/Tokyo", "error(argument)"); /* never read: no file can be opened */
    expect_in(&f, hours, "../../etc/passwd", "error(argument)");
    f.slots[1] = value_unknown(7);
    expect(&f, hours, "unknown");
    open_again(before);
    expect_in(&f, hours, "Asia/Tokyo", "21"); /* it was not kept as a name that is none */
    cel_program_free(&hours);
    teardown(&f);
}
END_TEST

/* A run costs the same whether its zone was read before or not. */
START_TEST(test_a_kept_zone_costs_as_much) {
    struct fixture f;
    setup(&f);
    f.run.steps_max = 1500;
    struct cel_program *twice = compiled(&f, "at.getHours(zone) + at.getMinutes(zone)");
    for (int i = 0; i < 2; i++) {
        expect_in(&f, twice, "Asia/Tokyo", "error(steps)");
    }
    cel_program_free(&twice);
    teardown(&f);
}
END_TEST

START_TEST(test_the_cache_is_bounded) {
    struct zone_cache *cache = NULL;
    const struct zone *tokyo = zone_cache_find(&cache, SPAN_LIT("Asia/Tokyo"));
    ck_assert_ptr_nonnull(tokyo);
    char name[24];
    for (int i = 1; i < ZONE_CACHE_MAX; i++) {
        (void)snprintf(name, sizeof(name), "+00:%02d", i);
        const struct zone *zone = zone_cache_find(&cache, span_str(name));
        ck_assert_int_eq(zone_offset(zone, 0), i * 60);
    }
    const struct zone *last = zone_cache_find(&cache, span_str(name));
    struct rlimit before = open_nothing();
    ck_assert_ptr_eq(zone_cache_find(&cache, SPAN_LIT("Asia/Tokyo")), tokyo);
    ck_assert_ptr_null(zone_cache_find(&cache, SPAN_LIT("Europe/Oslo"))); /* and takes no place */
    ck_assert_ptr_eq(zone_cache_find(&cache, SPAN_LIT("Asia/Tokyo")), tokyo);
    ck_assert_ptr_nonnull(zone_cache_find(&cache, SPAN_LIT("-00:30"))); /* takes the oldest place */
    ck_assert_ptr_null(zone_cache_find(&cache, SPAN_LIT("Asia/Tokyo")));
    ck_assert_ptr_eq(zone_cache_find(&cache, span_str(name)), last);
    open_again(before);
    zone_cache_free(&cache);
    ck_assert_ptr_null(cache);
}
END_TEST

static int64_t library_offset(int64_t seconds) {
    time_t at = (time_t)seconds;
    struct tm local;
    ck_assert_ptr_nonnull(localtime_r(&at, &local));
    return local.tm_gmtoff;
}

static void hold_offset(const char *name, const struct zone *zone, int64_t seconds) {
    int64_t expected = library_offset(seconds);
    ck_assert_msg(zone_offset(zone, seconds) == expected, "%s at %lld: %d, expected %lld", name,
                  (long long)seconds, zone_offset(zone, seconds), (long long)expected);
}

/* Narrows a stretch in which the offset changes down to the second before and the one after. */
static void hold_change(const char *name, const struct zone *zone, int64_t before, int64_t after) {
    int64_t offset = library_offset(before);
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        *(library_offset(middle) == offset ? &before : &after) = middle;
    }
    hold_offset(name, zone, before);
    hold_offset(name, zone, after);
}

/* Random instants from 1850 to 2150, and what changes in the half year behind each. */
static void hold_zone(const char *name, struct rng *rng) {
    struct zone *zone = NULL;
    ck_assert_msg(zone_read(span_str(name), &zone) == ERR_OK, "%s", name);
    ck_assert_int_eq(setenv("TZ", name, 1), 0);
    tzset();
    for (int i = 0; i < INSTANTS; i++) {
        int64_t at = (int64_t)rng_below(rng, 300LL * 365 * 86400) - 120LL * 365 * 86400;
        int64_t later = at + 180 * 86400;
        hold_offset(name, zone, at);
        hold_offset(name, zone, later);
        if (library_offset(at) != library_offset(later)) {
            hold_change(name, zone, at, later);
        }
    }
    zone_free(&zone);
}

/* The third column of a line of the list of zones; false for a comment. */
static bool zone_of_line(const char *line, size_t len, char name[ZONE_NAME_BYTES_MAX + 1]) {
    const char *place = memchr(line, '\t', len);
    const char *zone = place == NULL ? NULL : strchr(place + 1, '\t');
    if (line[0] == '#' || zone == NULL) {
        return false;
    }
    (void)snprintf(name, ZONE_NAME_BYTES_MAX + 1, "%.*s", (int)strcspn(zone + 1, "\t\n"), zone + 1);
    return true;
}

START_TEST(test_offsets_are_those_of_the_library) {
    struct buf list = BUF_EMPTY;
    struct rng rng = {.state = 5};
    unsigned held = 0;
    ck_assert_int_eq(io_read_file("/usr/share/zoneinfo/zone1970.tab", LIST_BYTES_MAX, &list, NULL),
                     ERR_OK);
    for (const char *line = buf_cstr(&list); *line != '\0';) {
        char name[ZONE_NAME_BYTES_MAX + 1];
        size_t len = strcspn(line, "\n");
        if (zone_of_line(line, len, name)) {
            hold_zone(name, &rng);
            held++;
        }
        line += line[len] == '\0' ? len : len + 1;
    }
    ck_assert_uint_gt(held, ZONES_MIN);
    buf_free(&list);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("zone");
    tcase_set_timeout(tests, 110);
    tcase_add_test(tests, test_a_constant_zone_is_read_when_it_is_compiled);
    tcase_add_test(tests, test_a_constant_that_is_no_zone_is_a_constant_error);
    tcase_add_test(tests, test_other_names_are_read_once_a_run);
    tcase_add_test(tests, test_a_kept_zone_costs_as_much);
    tcase_add_test(tests, test_the_cache_is_bounded);
    tcase_add_test(tests, test_offsets_are_those_of_the_library);
    Suite *suite = suite_create("cel_zone");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
