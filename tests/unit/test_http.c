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

/* Sends one request and reads the whole answer. */
static void ask(const char *endpoint, const char *request, struct buf *answer) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    ck_assert_int_eq(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
    } to = {.v4 = address};
    ck_assert_int_eq(connect(fd, &to.any, sizeof(to.v4)), 0);
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

#define REQUEST(line) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

START_TEST(pages_by_path) {
    struct http *http = NULL;
    struct diag diag = {0};
    char context[] = "context";
    ck_assert_int_eq(http_start("127.0.0.1:0", render, context, &http, &diag), ERR_OK);
    const char *endpoint = http_endpoint(http);
    ck_assert_int_eq(strncmp(endpoint, "http://127.0.0.1:", 17), 0);
    ck_assert_str_ne(endpoint + 17, "0");
    expect(endpoint, REQUEST("GET /status"), "HTTP/1.1 200", "{\"good\":true}");
    expect(endpoint, REQUEST("GET /status"), "HTTP/1.1 200", "application/json");
    expect(endpoint, REQUEST("GET /sick"), "HTTP/1.1 503", "sick");
    expect(endpoint, REQUEST("GET /other"), "HTTP/1.1 404", "no such page");
    expect(endpoint, REQUEST("DELETE /status"), "HTTP/1.1 405", "only GET");
    http_stop(&http);
    ck_assert_ptr_null(http);
}
END_TEST

START_TEST(a_taken_port_is_said) {
    struct http *first = NULL;
    struct http *second = NULL;
    struct diag diag = {0};
    char context[] = "context";
    ck_assert_int_eq(http_start("127.0.0.1:0", render, context, &first, &diag), ERR_OK);
    ck_assert_int_eq(http_start(http_endpoint(first) + 7, render, context, &second, &diag),
                     ERR_BUSY);
    ck_assert_ptr_null(second);
    http_stop(&first);
}
END_TEST

START_TEST(only_loopback_is_served) {
    ck_assert_int_eq(http_bind_check("0.0.0.0:80", NULL), ERR_DENIED);
    ck_assert_int_eq(http_bind_check("[::]:80", NULL), ERR_DENIED);
    ck_assert_int_eq(http_bind_check("192.0.2.1:80", NULL), ERR_DENIED);
    ck_assert_int_eq(http_bind_check("example.org:80", NULL), ERR_INVALID);
    ck_assert_int_eq(http_bind_check("127.0.0.1", NULL), ERR_INVALID);
    ck_assert_int_eq(http_bind_check("127.0.0.1:", NULL), ERR_INVALID);
    ck_assert_int_eq(http_bind_check("127.0.0.1:65536", NULL), ERR_INVALID);
    ck_assert_int_eq(http_bind_check("localhost:1", NULL), ERR_OK);
    ck_assert_int_eq(http_bind_check("[::1]:1", NULL), ERR_OK);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http");
    TCase *tests = tcase_create("http");
    tcase_add_test(tests, pages_by_path);
    tcase_add_test(tests, a_taken_port_is_said);
    tcase_add_test(tests, only_loopback_is_served);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
