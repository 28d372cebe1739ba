/* The status server over real connections. */
#include "http/http.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void render(const char *path, struct http_reply *reply, void *context) {
    ck_assert_str_eq(context, "context");
    if (strcmp(path, "/status") == 0) {
        reply->content_type = "application/json";
        buf_str(&reply->body, "{\"good\":true}");
    } else if (strcmp(path, "/sick") == 0) {
        reply->status = 503;
        buf_str(&reply->body, "sick\n");
    } else {
        reply->status = 404;
    }
}

static int connect_to(const char *endpoint) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    ck_assert_int_eq(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
    } to = {.v4 = address};
    ck_assert_int_eq(connect(fd, &to.any, sizeof(to.v4)), 0);
    return fd;
}

/* On loopback, with no other setting. */
static struct http *start_at(const char *bind) {
    static char context[] = "context";
    const struct http_options options = {.bind = bind, .token_path = ""};
    struct http *http = NULL;
    struct diag diag = {0};
    ck_assert_msg(http_start(&options, render, context, &http, &diag) == ERR_OK, "%s", diag.text);
    return http;
}

/* Sends one request and reads the whole answer. */
static void ask(const char *endpoint, const char *request, struct buf *answer) {
    int fd = connect_to(endpoint);
    const struct timeval patience = {.tv_sec = 5};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    for (;;) {
        uint8_t *room = buf_room(answer, 4096);
        ssize_t got = read(fd, room, 4096);
        if (got <= 0) {
            break;
        }
        answer->len += (size_t)got;
    }
    (void)close(fd);
}

static void expect(const char *endpoint, const char *request, const char *first,
                   const char *somewhere) {
    struct buf answer = BUF_EMPTY;
    ask(endpoint, request, &answer);
    const char *text = buf_cstr(&answer);
    ck_assert_msg(strncmp(text, first, strlen(first)) == 0, "got: %s", text);
    ck_assert_msg(strstr(text, somewhere) != NULL, "got: %s", text);
    buf_free(&answer);
}

#define REQUEST(line) line " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

START_TEST(pages_by_path) {
    struct http *http = start_at("127.0.0.1:0");
    const char *endpoint = http_endpoint(http);
    ck_assert_int_eq(strncmp(endpoint, "http://127.0.0.1:", 17), 0);
    ck_assert_str_ne(endpoint + 17, "0");
    expect(endpoint, REQUEST("GET /status"), "HTTP/1.1 200", "{\"good\":true}");
    expect(endpoint, REQUEST("GET /status"), "HTTP/1.1 200", "application/json");
    expect(endpoint, REQUEST("GET /sick"), "HTTP/1.1 503", "sick");
    expect(endpoint, REQUEST("GET /other"), "HTTP/1.1 404", "no such page");
    expect(endpoint, REQUEST("HEAD /status"), "HTTP/1.1 200", "Content-Length: 13\r\n");
    expect(endpoint, REQUEST("DELETE /status"), "HTTP/1.1 405", "only GET");
    expect(endpoint, REQUEST("POST /status"), "HTTP/1.1 405", "Allow: GET, HEAD\r\n");
    http_stop(&http);
    ck_assert_ptr_null(http);
}
END_TEST

START_TEST(only_for_a_host_of_this_machine) {
    struct http *http = start_at("127.0.0.1:0");
    const char *endpoint = http_endpoint(http);
    static const struct {
        const char *host, *status;
    } hosts[] = {{"localhost", "HTTP/1.1 200"},
                 {"LocalHost:5580", "HTTP/1.1 200"},
                 {"127.0.0.1:1", "HTTP/1.1 200"},
                 {"127.9.9.9", "HTTP/1.1 200"},
                 {"[::1]", "HTTP/1.1 200"},
                 {"[::1]:5580", "HTTP/1.1 200"},
                 {"example.org", "HTTP/1.1 421"},
                 {"example.org:5580", "HTTP/1.1 421"},
                 {"localhost.example.org", "HTTP/1.1 421"},
                 {"127.0.0.1.example.org", "HTTP/1.1 421"},
                 {"10.0.0.1", "HTTP/1.1 421"},
                 {"[::2]", "HTTP/1.1 421"},
                 {"[::1].example.org", "HTTP/1.1 421"},
                 {"localhost:x", "HTTP/1.1 421"},
                 {"[::1", "HTTP/1.1 421"},
                 {"", "HTTP/1.1 421"}};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        char request[160];
        (void)snprintf(request, sizeof(request),
                       "GET /status HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                       hosts[i].host);
        expect(endpoint, request, hosts[i].status, "Content-Type");
    }
    expect(endpoint, "GET /status HTTP/1.0\r\n\r\n", "HTTP/1.1 200", "{\"good\":true}");
    http_stop(&http);
}
END_TEST

START_TEST(each_answer_is_for_this_page_alone) {
    struct http *http = start_at("127.0.0.1:0");
    const char *endpoint = http_endpoint(http);
    static const char *const requests[] = {REQUEST("GET /status"), REQUEST("GET /other"),
                                           REQUEST("PUT /status")};
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        expect(endpoint, requests[i], "HTTP/1.1", "X-Content-Type-Options: nosniff\r\n");
        expect(endpoint, requests[i], "HTTP/1.1", "Content-Security-Policy: default-src 'none';");
        expect(endpoint, requests[i], "HTTP/1.1", "frame-ancestors 'none'\r\n");
        expect(endpoint, requests[i], "HTTP/1.1", "Connection: close\r\n");
        expect(endpoint, requests[i], "HTTP/1.1", "Cache-Control: no-store\r\n");
        expect(endpoint, requests[i], "HTTP/1.1", "Referrer-Policy: no-referrer\r\n");
    }
    http_stop(&http);
}
END_TEST

/* Far more than there are places, none of which ends by itself within the patience of ask. */
START_TEST(idle_connections_block_no_client) {
    struct http *http = start_at("127.0.0.1:0");
    int idle[HTTP_CONNECTIONS_MAX * 3];
    const char *endpoint = http_endpoint(http);
    for (size_t i = 0; i < COUNT_OF(idle); i++) {
        idle[i] = connect_to(endpoint);
        ck_assert_int_eq(write(idle[i], "GET /st", i % 2 == 0 ? 7 : 0), i % 2 == 0 ? 7 : 0);
    }
    for (int i = 0; i < 40; i++) {
        expect(endpoint, REQUEST("GET /status"), "HTTP/1.1 200", "{\"good\":true}");
    }
    for (size_t i = 0; i < COUNT_OF(idle); i++) {
        (void)close(idle[i]);
    }
    expect(endpoint, REQUEST("GET /status"), "HTTP/1.1 200", "{\"good\":true}");
    http_stop(&http);
}
END_TEST

START_TEST(a_taken_port_is_reported) {
    struct http *first = start_at("127.0.0.1:0");
    struct http *second = NULL;
    const struct http_options options = {.bind = http_endpoint(first) + 7, .token_path = ""};
    ck_assert_int_eq(http_start(&options, render, NULL, &second, NULL), ERR_BUSY);
    ck_assert_ptr_null(second);
    http_stop(&first);
}
END_TEST

START_TEST(beyond_loopback_something_must_be_readable) {
    static const struct {
        const char *bind;
        enum err open, with_token, with_public;
    } rows[] = {{"0.0.0.0:80", ERR_DENIED, ERR_OK, ERR_OK},
                {"[::]:80", ERR_DENIED, ERR_OK, ERR_OK},
                {"192.0.2.1:80", ERR_DENIED, ERR_OK, ERR_OK},
                {"[2001:db8::1]:80", ERR_DENIED, ERR_OK, ERR_OK},
                {"localhost:1", ERR_OK, ERR_OK, ERR_OK},
                {"[::1]:1", ERR_OK, ERR_OK, ERR_OK},
                {"127.0.0.9:1", ERR_OK, ERR_OK, ERR_OK},
                {"example.org:80", ERR_INVALID, ERR_INVALID, ERR_INVALID},
                {"127.0.0.1", ERR_INVALID, ERR_INVALID, ERR_INVALID},
                {"127.0.0.1:", ERR_INVALID, ERR_INVALID, ERR_INVALID},
                {"127.0.0.1:65536", ERR_INVALID, ERR_INVALID, ERR_INVALID}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_options options = {.bind = rows[i].bind, .token_path = ""};
        ck_assert_int_eq(http_bind_check(&options, NULL), rows[i].open);
        options.token_path = "/the/token";
        ck_assert_int_eq(http_bind_check(&options, NULL), rows[i].with_token);
        options = (struct http_options){
            .bind = rows[i].bind, .token_path = "", .public_pages = HTTP_PUBLIC_HEALTH};
        ck_assert_int_eq(http_bind_check(&options, NULL), rows[i].with_public);
    }
    struct http *http = NULL;
    const struct http_options options = {.bind = "0.0.0.0:0", .token_path = ""};
    struct diag diag = {0};
    ck_assert_int_eq(http_start(&options, render, NULL, &http, &diag), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(diag.text, "set http.token, or http.public"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http");
    TCase *tests = tcase_create("http");
    tcase_add_test(tests, pages_by_path);
    tcase_add_test(tests, only_for_a_host_of_this_machine);
    tcase_add_test(tests, each_answer_is_for_this_page_alone);
    tcase_add_test(tests, idle_connections_block_no_client);
    tcase_add_test(tests, a_taken_port_is_reported);
    tcase_add_test(tests, beyond_loopback_something_must_be_readable);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
