/* cli/lane_choice.h: lanes by a worker's name, an id, or its first digits. */
#include "cli/lane_choice.h"

#include <check.h>

static const char LANES[] = "[{\"lane\":\"2e80d6e2-ebc0-4a8d\",\"name\":\"north\"},"
                            "{\"lane\":\"2e80ffff-0000-0000\",\"name\":\"north\"},"
                            "{\"lane\":\"a6704783-1111-1111\",\"name\":\"2e80\"}]";

static size_t kept(const char *wanted, enum err expected) {
    struct diag diag = {0};
    json_t *lanes = json_loads(LANES, 0, NULL);
    enum err err = lane_choice_keep(lanes, wanted, &diag);
    ck_assert_msg(err == expected, "%s: %s", wanted == NULL ? "all" : wanted, diag.text);
    size_t count = json_array_size(lanes);
    json_decref(lanes);
    return count;
}

START_TEST(lanes_are_found_by_name_id_and_digits) {
    ck_assert_uint_eq(kept(NULL, ERR_OK), 3);
    ck_assert_uint_eq(kept("north", ERR_OK), 2);
    ck_assert_uint_eq(kept("2e80", ERR_OK), 1); /* a worker's name comes first */
    ck_assert_uint_eq(kept("2e80d", ERR_OK), 1);
    ck_assert_uint_eq(kept("a6704783-1111-1111", ERR_OK), 1);
    (void)kept("2e8", ERR_NOT_FOUND);
    (void)kept("nort", ERR_NOT_FOUND);
    (void)kept("", ERR_NOT_FOUND);
}
END_TEST

START_TEST(digits_of_several_lanes_are_refused) {
    struct buf name = BUF_EMPTY;
    struct diag diag = {0};
    const char two[] =
        "[{\"lane\":\"2e80d6e2\",\"name\":\"a\"},{\"lane\":\"2e80ffff\",\"name\":\"a\"}]";
    ck_assert_int_eq(lane_choice_name(span_str(two), "2e80", &name, &diag), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(diag.text, "2 lanes"));
    ck_assert_int_eq(lane_choice_name(span_str(two), "2e80f", &name, &diag), ERR_OK);
    ck_assert_str_eq(buf_cstr(&name), "2e80ffff");
    buf_clear(&name);
    ck_assert_int_eq(lane_choice_name(span_str(two), "a", &name, &diag), ERR_OK);
    ck_assert_str_eq(buf_cstr(&name), "a");
    ck_assert_int_eq(lane_choice_name(span_str("{}"), "a", &name, &diag), ERR_VERSION);
    buf_free(&name);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli lanes");
    TCase *tests = tcase_create("choice");
    tcase_add_test(tests, lanes_are_found_by_name_id_and_digits);
    tcase_add_test(tests, digits_of_several_lanes_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
