/* The worker's metrics: the README's table. */
#include "metrics_page.h"
#include "worker/metrics_table.h"

#define COUNTER_ADD(member, name, help) TABLE_ADD(member, name, COUNTER, "", help)
START_TEST(the_readme_has_the_table) {
    struct buf rows = BUF_EMPTY;
    LANE_COUNTERS(COUNTER_ADD)
    WORKER_METRICS(TABLE_ADD)
    PROGRAM_METRICS(TABLE_ADD)
    readme_has_table("worker/README.md", &rows);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_metrics");
    TCase *cases = tcase_create("table");
    tcase_add_test(cases, the_readme_has_the_table);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
