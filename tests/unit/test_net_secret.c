/* The secret of a broker's lanes: its file, and what is answered with it. */
#include "net/secret.h"

#include "base/io.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96];

static void setup(void) {
    (void)snprintf(folder, sizeof(folder), "/tmp/casemill-secret-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/lane.secret", folder);
}

static void teardown(void) {
    (void)unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* and nothing is left beside it */
}

START_TEST(it_is_made_once_and_is_its_owners) {
    struct net_secret made, again;
    struct diag diag = {0};
    struct stat status;
    (void)umask(0);
    ck_assert_int_eq(net_secret_read(path, &made, &diag), ERR_NOT_FOUND);
    ck_assert_int_eq(net_secret_take(path, &made, &diag), ERR_OK);
    ck_assert_int_eq(net_secret_take(path, &again, &diag), ERR_OK);
    ck_assert_mem_eq(made.bytes, again.bytes, sizeof(made.bytes));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(net_secret_take(path, &again, &diag), ERR_OK);
    ck_assert_mem_ne(made.bytes, again.bytes, sizeof(made.bytes));
}
END_TEST

START_TEST(a_file_that_is_no_secret_is_refused) {
    static const char *const texts[] = {
        "",
        "\n",
        "0123\n",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg\n",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\n"};
    struct net_secret secret;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct diag diag = {0};
        ck_assert_int_eq(io_write_file(path, span_str(texts[i]), &diag), ERR_OK);
        ck_assert_int_eq(chmod(path, 0600), 0);
        ck_assert_int_eq(net_secret_take(path, &secret, &diag), ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(diag.text, "lane.secret: not the secret"));
    }
}
END_TEST

START_TEST(a_file_that_others_may_read_is_refused) {
    static const mode_t modes[] = {0640, 0604, 0660, 0644, 0620};
    struct net_secret secret;
    struct diag diag = {0};
    ck_assert_int_eq(net_secret_take(path, &secret, &diag), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        ck_assert_int_eq(net_secret_take(path, &secret, &diag), ERR_DENIED);
        ck_assert_ptr_nonnull(strstr(diag.text, "others may read this secret"));
    }
}
END_TEST

/* By Python's hashlib: blake2b(nonce + uuid, key=key, digest_size=16). */
START_TEST(the_answer_equals_the_protocols_page) {
    static const uint8_t wanted[16] = {0x1f, 0x72, 0xb4, 0x31, 0x48, 0x37, 0x11, 0xac,
                                       0x7e, 0x83, 0x11, 0xac, 0x93, 0x57, 0xfd, 0x17};
    struct net_secret secret;
    struct uuid nonce, uuid;
    for (uint8_t i = 0; i < KEY_BYTES; i++) {
        secret.bytes[i] = i;
    }
    for (uint8_t i = 0; i < sizeof(nonce.bytes); i++) {
        nonce.bytes[i] = (uint8_t)(0x40 + i);
        uuid.bytes[i] = (uint8_t)(0x80 + i);
    }
    struct uuid answer = net_secret_answer(&secret, &nonce, &uuid);
    ck_assert_mem_eq(answer.bytes, wanted, sizeof(wanted));
    ck_assert(secret_eq(answer.bytes, wanted, sizeof(wanted)));
    answer.bytes[15] ^= 1;
    ck_assert(!secret_eq(answer.bytes, wanted, sizeof(wanted)));
    struct uuid other = net_secret_answer(&secret, &uuid, &nonce);
    ck_assert_mem_ne(other.bytes, wanted, sizeof(wanted));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net secret");
    TCase *tests = tcase_create("secret");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, it_is_made_once_and_is_its_owners);
    tcase_add_test(tests, a_file_that_is_no_secret_is_refused);
    tcase_add_test(tests, a_file_that_others_may_read_is_refused);
    tcase_add_test(tests, the_answer_equals_the_protocols_page);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
