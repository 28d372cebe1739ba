/* http/: what a request may read, the file of the token, and which connections end first. */
#include "base/io.h"
#include "http/http_priv.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "a-token-of-25-characters."

static char path[] = "/tmp/casemill-token-XXXXXX";

static void make_file(void) {
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
}
static void drop_file(void) { (void)unlink(path); }

static void write_token(const char *text, mode_t mode) {
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(io_write_file(path, span_str(text), NULL), ERR_OK);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static struct access *open_access(struct http_options options) {
    struct access *access = NULL;
    struct diag diag = {0};
    ck_assert_msg(access_new(&options, &access, &diag) == ERR_OK, "%s", diag.text);
    return access;
}

START_TEST(a_token_file) {
    static const char LONG[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const struct {
        const char *text;
        mode_t mode;
        enum err expected;
        const char *reason;
    } rows[] = {
        {"0123456789abcdef", 0600, ERR_OK, ""},
        {"0123456789abcdef\n", 0400, ERR_OK, ""},
        {LONG, 0600, ERR_OK, ""},
        {"", 0600, ERR_INVALID, "16 to 256 characters"},
        {"\n", 0600, ERR_INVALID, "16 to 256 characters"},
        {"0123456789abcde", 0600, ERR_INVALID, "16 to 256 characters"},
        {"0123456789abcde\n", 0600, ERR_INVALID, "16 to 256 characters"},
        {"01234567 89abcdef", 0600, ERR_INVALID, "without spaces"},
        {"0123456789abcdef\n\n", 0600, ERR_INVALID, "without spaces"},
        {"0123456789abcdef\r\n", 0600, ERR_INVALID, "without spaces"},
        {"0123456789abcd\xc3\xa9", 0600, ERR_INVALID, "without spaces"},
        {"0123456789abcdef\n", 0604, ERR_DENIED, "others may read"},
        {"0123456789abcdef\n", 0644, ERR_DENIED, "others may read"},
        {"0123456789abcdef\n", 0620, ERR_DENIED, "others may read"},
    };
    ck_assert_uint_eq(sizeof(LONG) - 1, HTTP_TOKEN_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        write_token(rows[i].text, rows[i].mode);
        ck_assert_msg(http_token_check(path, &diag) == rows[i].expected, "row %zu: %s", i,
                      diag.text);
        ck_assert_msg(strstr(diag.text, rows[i].reason) != NULL, "row %zu: %s", i, diag.text);
        ck_assert_ptr_null(strstr(diag.text, "0123456789")); /* no error shows the token */
    }
    struct diag diag = {0};
    char longer[HTTP_TOKEN_BYTES_MAX + 2];
    (void)snprintf(longer, sizeof(longer), "%sx", LONG);
    write_token(longer, 0600);
    ck_assert_int_eq(http_token_check(path, &diag), ERR_INVALID);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(http_token_check(path, &diag), ERR_NOT_FOUND);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(http_token_check(path, &diag), ERR_INVALID); /* and does not wait for it */
}
END_TEST

START_TEST(a_request_needs_the_token) {
    static const struct {
        const char *header;
        enum access_answer expected;
    } rows[] = {
        {NULL, ACCESS_NO_TOKEN},
        {"Bearer " TOKEN, ACCESS_ALLOWED},
        {"bearer  " TOKEN " ", ACCESS_ALLOWED},
        {"Basic eDphLXRva2VuLW9mLTI1LWNoYXJhY3RlcnMu", ACCESS_ALLOWED},     /* x:TOKEN */
        {"basic OmEtdG9rZW4tb2YtMjUtY2hhcmFjdGVycy4=", ACCESS_ALLOWED},     /* :TOKEN */
        {"Basic dXNlcjphLXRva2VuLW9mLTI1LWNoYXJhY3RlcnMu", ACCESS_ALLOWED}, /* user:TOKEN */
        {"Basic YWI6YS10b2tlbi1vZi0yNS1jaGFyYWN0ZXJzLg", ACCESS_ALLOWED},   /* no padding */
        {"", ACCESS_WRONG_TOKEN},
        {"Bearer", ACCESS_WRONG_TOKEN},
        {"Bearer ", ACCESS_WRONG_TOKEN},
        {"Bearer a-token-of-25-characters", ACCESS_WRONG_TOKEN},
        {"Bearer " TOKEN ".", ACCESS_WRONG_TOKEN},
        {"Bearer A-token-of-25-characters.", ACCESS_WRONG_TOKEN},
        {"Bearer " TOKEN " " TOKEN, ACCESS_WRONG_TOKEN},
        {TOKEN, ACCESS_WRONG_TOKEN},
        {"Token " TOKEN, ACCESS_WRONG_TOKEN},
        {"Basic " TOKEN, ACCESS_WRONG_TOKEN},
        {"Basic ", ACCESS_WRONG_TOKEN},
        {"Basic YS10b2tlbi1vZi0yNS1jaGFyYWN0ZXJzLg==", ACCESS_WRONG_TOKEN},     /* no colon */
        {"Basic YS10b2tlbi1vZi0yNS1jaGFyYWN0ZXJzLjo=", ACCESS_WRONG_TOKEN},     /* TOKEN: */
        {"Basic eDphLXRva2VuLW9mLTI1LWNoYXJhY3RlcnMu=x", ACCESS_WRONG_TOKEN},   /* after the end */
        {"Basic eDphLXRva2VuLW9mLTI1LWNo\nYXJhY3RlcnMu", ACCESS_WRONG_TOKEN},   /* a newline */
        {"Basic eDphLXRva2VuLW9mLTI1LWNoYXJhY3RlcnMuA", ACCESS_WRONG_TOKEN},    /* half a byte */
        {"Basic eDphLXRva2VuLW9mLTI1LWNoYXJhY3RlcnMuAAAA", ACCESS_WRONG_TOKEN}, /* NULs */
    };
    write_token(TOKEN "\n", 0600);
    static const char *const binds[] = {"127.0.0.1:0", "0.0.0.0:0"};
    for (size_t b = 0; b < COUNT_OF(binds); b++) {
        struct access *access =
            open_access((struct http_options){.bind = binds[b], .token_path = path});
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            ck_assert_msg(access_check(access, "/status", rows[i].header) == rows[i].expected,
                          "row %zu: %s", i, rows[i].header);
        }
        access_free(&access);
        ck_assert_ptr_null(access);
    }
}
END_TEST

/* Longer than what a server of this kind ever reads; the decoder must not write past its room. */
START_TEST(a_long_header_is_wrong) {
    write_token(TOKEN, 0600);
    struct access *access =
        open_access((struct http_options){.bind = "127.0.0.1:0", .token_path = path});
    static const char *const schemes[] = {"Bearer ", "Basic "};
    for (size_t s = 0; s < COUNT_OF(schemes); s++) {
        struct buf header = BUF_EMPTY;
        buf_str(&header, schemes[s]);
        for (int i = 0; i < 5000; i++) {
            buf_byte(&header, 'Q');
            ck_assert_int_eq(access_check(access, "/", buf_cstr(&header)), ACCESS_WRONG_TOKEN);
        }
        buf_free(&header);
    }
    access_free(&access);
}
END_TEST

START_TEST(public_pages) {
    static const struct {
        unsigned pages;
        const char *path;
        enum access_answer with_token, without;
    } rows[] = {
        {0, "/metrics", ACCESS_NO_TOKEN, ACCESS_CLOSED},
        {HTTP_PUBLIC_METRICS, "/metrics", ACCESS_ALLOWED, ACCESS_ALLOWED},
        {HTTP_PUBLIC_METRICS, "/healthz", ACCESS_NO_TOKEN, ACCESS_CLOSED},
        {HTTP_PUBLIC_HEALTH, "/healthz", ACCESS_ALLOWED, ACCESS_ALLOWED},
        {HTTP_PUBLIC_HEALTH, "/readyz", ACCESS_ALLOWED, ACCESS_ALLOWED},
        {HTTP_PUBLIC_HEALTH, "/metrics", ACCESS_NO_TOKEN, ACCESS_CLOSED},
        {HTTP_PUBLIC_METRICS | HTTP_PUBLIC_HEALTH, "/status", ACCESS_NO_TOKEN, ACCESS_CLOSED},
        {HTTP_PUBLIC_METRICS | HTTP_PUBLIC_HEALTH, "/", ACCESS_NO_TOKEN, ACCESS_CLOSED},
        {HTTP_PUBLIC_METRICS | HTTP_PUBLIC_HEALTH, "/metrics/", ACCESS_NO_TOKEN, ACCESS_CLOSED},
        {HTTP_PUBLIC_METRICS | HTTP_PUBLIC_HEALTH, "/Metrics", ACCESS_NO_TOKEN, ACCESS_CLOSED},
    };
    write_token(TOKEN, 0600);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_options options = {
            .bind = "192.0.2.1:0", .token_path = path, .public_pages = rows[i].pages};
        struct access *access = open_access(options);
        ck_assert_int_eq(access_check(access, rows[i].path, NULL), rows[i].with_token);
        access_free(&access);
        options.token_path = "";
        if (rows[i].pages != 0) {
            access = open_access(options);
            ck_assert_int_eq(access_check(access, rows[i].path, NULL), rows[i].without);
            ck_assert_int_eq(access_check(access, rows[i].path, "Bearer "), rows[i].without);
            access_free(&access);
        }
        options.bind = "[::1]:0"; /* loopback without a token: all is open */
        access = open_access(options);
        ck_assert_int_eq(access_check(access, rows[i].path, NULL), ACCESS_ALLOWED);
        access_free(&access);
    }
}
END_TEST

START_TEST(a_host_of_this_machine) {
    static const struct {
        const char *own, *host;
        bool expected;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.1:5580", true},
        {"192.0.2.1", "casemill.example.org", true},
        {"192.0.2.1", "CASEMILL.example.ORG:80", true},
        {"192.0.2.1", "198.51.100.7:5580", true},
        {"192.0.2.1", "[2001:db8::7]:5580", true},
        {"192.0.2.1", "[2001:0db8:0::7]", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "0.0.0.0", false},
        {"192.0.2.1", "localhost", false},
        {"192.0.2.1", "127.0.0.1", false},
        {"192.0.2.1", "example.org", false},
        {"192.0.2.1", "x.casemill.example.org", false},
        {"192.0.2.1", "casemill.example.org.evil.example", false},
        {"192.0.2.1", "casemill.example.org:80:80", false},
        {"192.0.2.1", "casemill.example.org@evil.example", false},
        {"192.0.2.1", "", false},
        {"192.0.2.1", ":80", false},
        {"192.0.2.1", "[192.0.2.1]", false},
        {"::ffff:192.0.2.1", "192.0.2.1", true},
        {"2001:db8::1", "[2001:db8::1]:5580", true},
        {"2001:db8::1", "2001:db8::1", false},
        {"2001:db8::1", "[2001:db8::2]:5580", false},
        {"127.0.0.1", "localhost:5580", true},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "[::1]", true},
        {"::1", "localhost", true},
        {"::1", "casemill.example.org", true},
        {"::1", "192.0.2.1", false},
    };
    static const char *const hosts[] = {"casemill.example.org", "198.51.100.7", "2001:db8::7"};
    struct access *access = open_access((struct http_options){.bind = "0.0.0.0:0",
                                                              .token_path = "",
                                                              .hosts = hosts,
                                                              .host_count = COUNT_OF(hosts),
                                                              .public_pages = HTTP_PUBLIC_HEALTH});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address own;
        ck_assert(address_parse(rows[i].own, &own));
        ck_assert_msg(access_has_host(access, &own, rows[i].host) == rows[i].expected, "%s at %s",
                      rows[i].host, rows[i].own);
    }
    access_free(&access);
    static const char *const good[] = {"a", "casemill.example.org", "192.0.2.1", "2001:db8::1"};
    static const char *const bad[] = {"", "a:80", "[2001:db8::1]", "*", "*.example.org", "a b"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        ck_assert_int_eq(http_host_check(good[i], NULL), ERR_OK);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_int_eq(http_host_check(bad[i], NULL), ERR_INVALID);
    }
}
END_TEST

/* A connection of the set, whose other end shows whether it was cut. */
struct pair {
    int own, peer;
    struct connection *connection;
};

static void open_pair(struct connections *set, const char *client, int64_t now_ms,
                      struct pair *pair) {
    int fds[2];
    struct address address;
    ck_assert(address_parse(client, &address));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *pair = (struct pair){fds[0], fds[1], connections_add(set, fds[0], &address, now_ms)};
    ck_assert_ptr_nonnull(pair->connection);
}

static bool is_open(const struct pair *pair) {
    char byte;
    return recv(pair->peer, &byte, 1, MSG_DONTWAIT) < 0; /* 0: cut */
}

/* As the server does when it sees the cut. */
static void close_cut(struct pair *pair) {
    if (!is_open(pair)) {
        connections_drop(pair->connection);
        (void)close(pair->own);
        (void)close(pair->peer);
        pair->own = -1;
    }
}

static void close_all(struct pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].own >= 0) {
            (void)close(pairs[i].own);
            (void)close(pairs[i].peer);
        }
    }
}

START_TEST(a_client_that_opens_many_loses_its_own) {
    struct connections set;
    struct pair other[2];
    struct pair many[HTTP_CONNECTIONS_MAX * 4];
    connections_init(&set);
    open_pair(&set, "192.0.2.1", 1, &other[0]);
    open_pair(&set, "2001:db8::1", 1, &other[1]);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        open_pair(&set, "192.0.2.66", (int64_t)i + 2, &many[i]);
        if (i >= HTTP_CONNECTIONS_PER_CLIENT) {
            ck_assert(!is_open(&many[i - HTTP_CONNECTIONS_PER_CLIENT]));
            close_cut(&many[i - HTTP_CONNECTIONS_PER_CLIENT]);
            ck_assert(is_open(&many[i - HTTP_CONNECTIONS_PER_CLIENT + 1]));
        }
        ck_assert(is_open(&other[0]));
        ck_assert(is_open(&other[1]));
    }
    close_all(many, COUNT_OF(many));
    close_all(other, COUNT_OF(other));
}
END_TEST

/* Three clients up to their limit: more than are kept in all.  The largest loses its oldest. */
START_TEST(many_clients_are_kept_within_the_limit) {
    struct connections set;
    struct pair small;
    struct pair pairs[3 * HTTP_CONNECTIONS_PER_CLIENT];
    connections_init(&set);
    open_pair(&set, "192.0.2.1", 1, &small);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        char client[32]; /* of one network each */
        (void)snprintf(client, sizeof(client), "2001:db8:0:%zu::%zx",
                       i / HTTP_CONNECTIONS_PER_CLIENT, i);
        open_pair(&set, client, (int64_t)i + 2, &pairs[i]);
        uint32_t kept = 0;
        for (size_t k = 0; k <= i; k++) {
            kept += pairs[k].own >= 0 && is_open(&pairs[k]) ? 1 : 0;
            if (pairs[k].own >= 0) {
                close_cut(&pairs[k]);
            }
        }
        ck_assert_uint_lt(kept, HTTP_CONNECTIONS_MAX / 2);
        ck_assert(is_open(&small));
    }
    close_all(pairs, COUNT_OF(pairs));
    close_all(&small, 1);
}
END_TEST

START_TEST(a_late_connection_ends) {
    struct connections set;
    struct pair pairs[2];
    connections_init(&set);
    ck_assert_int_eq(connections_cut_late(&set, 1000), -1);
    open_pair(&set, "127.0.0.1", 1000, &pairs[0]);
    open_pair(&set, "127.0.0.1", 4000, &pairs[1]);
    ck_assert_int_eq(connections_cut_late(&set, 5000), HTTP_DEADLINE_MS - 4000);
    ck_assert(is_open(&pairs[0]));
    ck_assert_int_eq(connections_cut_late(&set, 1000 + HTTP_DEADLINE_MS), 3000);
    ck_assert(!is_open(&pairs[0]));
    ck_assert(is_open(&pairs[1]));
    close_all(pairs, COUNT_OF(pairs));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http_access");
    TCase *tests = tcase_create("http_access");
    tcase_add_checked_fixture(tests, make_file, drop_file);
    tcase_add_test(tests, a_token_file);
    tcase_add_test(tests, a_request_needs_the_token);
    tcase_add_test(tests, a_long_header_is_wrong);
    tcase_add_test(tests, public_pages);
    tcase_add_test(tests, a_host_of_this_machine);
    tcase_add_test(tests, a_client_that_opens_many_loses_its_own);
    tcase_add_test(tests, many_clients_are_kept_within_the_limit);
    tcase_add_test(tests, a_late_connection_ends);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
