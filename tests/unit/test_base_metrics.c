/* base/metrics: the text that Prometheus reads, histograms, and the metrics of the process. */
#include "base/clock.h"
#include "base/metrics.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static const struct metric_family A = {"a_total", METRIC_COUNTER, "", "All of a."};
static const struct metric_family B = {"b", METRIC_GAUGE, "lane, text", "B now."};
static const struct metric_family TIMES = {"t_seconds", METRIC_HISTOGRAM, "", "Times."};
static struct buf out;

static void setup(void) { out = BUF_EMPTY; }
static void teardown(void) { buf_free(&out); }

START_TEST(families_are_prometheus_text) {
    metrics_one(&A, 3, &out);
    metrics_head(&B, &out);
    metrics_value(&B, "lane=\"1\"", 0.5, &out);
    metrics_value(&B, "lane=\"2\"", 12345678901.0, &out);
    metrics_value(&B, "lane=\"3\"", NAN, &out);
    metrics_value(&B, "lane=\"4\"", -NAN, &out);
    ck_assert_str_eq(buf_cstr(&out), "# HELP a_total All of a.\n# TYPE a_total counter\na_total 3\n"
                                     "# HELP b B now.\n# TYPE b gauge\nb{lane=\"1\"} 0.5\n"
                                     "b{lane=\"2\"} 12345678901\nb{lane=\"3\"} NaN\n"
                                     "b{lane=\"4\"} NaN\n");
}
END_TEST

START_TEST(a_label_cannot_leave_its_quotes) {
    metrics_label(&out, "source", "no\"rth\\ \n\033[31m\302\233\377 \303\244");
    metrics_label(&out, "priority", "bulk");
    ck_assert_str_eq(buf_cstr(&out),
                     "source=\"no\\\"rth\\\\ ??[31m?? \303\244\",priority=\"bulk\"");
}
END_TEST

static const struct histogram_scale *const SCALES[] = {&histogram_seconds, &histogram_cases};

START_TEST(bounds_ascend_by_a_like_factor) {
    const struct histogram_scale *scale = SCALES[_i];
    ck_assert_uint_le(scale->count, HISTOGRAM_BOUNDS_MAX);
    for (uint32_t i = 1; i < scale->count; i++) {
        double factor = (double)scale->bounds[i] / (double)scale->bounds[i - 1];
        ck_assert(factor >= 2 && factor <= 2.5);
    }
    for (uint32_t i = scale->count; i < HISTOGRAM_BOUNDS_MAX; i++) {
        ck_assert_uint_eq(scale->bounds[i], 0);
    }
}
END_TEST

/* The value of a line of `out`; NAN: there is no such line. */
static double sample(const char *name) {
    struct buf start = BUF_EMPTY;
    buf_printf(&start, "\n%s ", name);
    const char *line = strstr(buf_cstr(&out), buf_cstr(&start));
    double value = line == NULL ? (double)NAN : strtod(line + start.len, NULL);
    buf_free(&start);
    return value;
}

START_TEST(a_value_is_in_the_first_bucket_that_holds_it) {
    struct histogram here = {0};
    struct histogram there = {0};
    const struct histogram *const both[] = {&here, &there};
    static const int64_t values[] = {-5, 0, 100, 101, 1000, 600000000, 600000001};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        histogram_note(i % 2 == 0 ? &here : &there, &histogram_seconds, values[i]);
    }
    metrics_histogram(&TIMES, &histogram_seconds, both, COUNT_OF(both), &out);
    ck_assert(strstr(buf_cstr(&out), "# TYPE t_seconds histogram\n") != NULL);
    ck_assert(sample("t_seconds_bucket{le=\"0.0001\"}") == 3);
    ck_assert(sample("t_seconds_bucket{le=\"0.00025\"}") == 4);
    ck_assert(sample("t_seconds_bucket{le=\"0.0005\"}") == 4);
    ck_assert(sample("t_seconds_bucket{le=\"0.001\"}") == 5);
    ck_assert(sample("t_seconds_bucket{le=\"250\"}") == 5);
    ck_assert(sample("t_seconds_bucket{le=\"600\"}") == 6);
    ck_assert(sample("t_seconds_bucket{le=\"+Inf\"}") == 7);
    ck_assert(sample("t_seconds_count") == 7);
    ck_assert(fabs(sample("t_seconds_sum") - 1200.001202) < 1e-9);
}
END_TEST

START_TEST(the_process_reports_itself) {
    metrics_program("casemill-x", &out);
    double opened = sample("process_open_fds");
    double start = sample("process_start_time_seconds");
    double now = (double)clock_wall_us() / 1e6;
    ck_assert(strstr(buf_cstr(&out),
                     "\ncasemill_build_info{program=\"casemill-x\",version=\"" CASEMILL_VERSION
                     "\"} 1\n") != NULL);
    ck_assert(start > now - 60 && start < now + 2);
    ck_assert(sample("process_resident_memory_bytes") > 1 << 20);
    ck_assert(sample("process_max_fds") >= opened);
    double before = sample("process_cpu_seconds_total");
    int more[4];
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        more[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    for (volatile uint32_t i = 0; i < 50000000; i = i + 1) {
    }
    buf_clear(&out);
    metrics_program("casemill-x", &out);
    ck_assert(sample("process_open_fds") == opened + COUNT_OF(more));
    ck_assert(sample("process_start_time_seconds") == start);
    ck_assert(sample("process_cpu_seconds_total") > before);
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        ck_assert_int_eq(close(more[i]), 0);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base_metrics");
    TCase *cases = tcase_create("metrics");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, families_are_prometheus_text);
    tcase_add_test(cases, a_label_cannot_leave_its_quotes);
    tcase_add_loop_test(cases, bounds_ascend_by_a_like_factor, 0, (int)COUNT_OF(SCALES));
    tcase_add_test(cases, a_value_is_in_the_first_bucket_that_holds_it);
    tcase_add_test(cases, the_process_reports_itself);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
