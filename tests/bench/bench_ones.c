/* One case per message, and its baselines; each prints one line of numbers.
 *   bench_ones submit ENDPOINT FILE done|accepted WINDOW COUNT: submits COUNT cases, at most WINDOW
 *     at once, to DONE or to ACCEPTED
 *   bench_ones paced ENDPOINT FILE RATE COUNT: RATE cases per second, to DONE
 *   bench_ones echo: a ROUTER that sends ACCEPTED to all and stores nothing; prints its endpoint
 *   bench_ones query CONNINFO FILE COUNT: lines of SQL, one simple query after the other
 *   bench_ones paced_query CONNINFO FILE RATE COUNT: RATE queries per second
 *   bench_ones sync DIR BYTES COUNT: write + fdatasync
 * The numbers: per second, then p50, p99 and p99.9 in microseconds. A paced case is timed from
 * when it was due, so that a stall counts for every case that waited. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "client/casemill.h"
#include "net/net.h"
#include "wire/walk.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_BYTES = 1 << 20, MESSAGE_BYTES_MAX = 16 << 20 };
enum { ECHO_HWM = 100000, STALL_MS = 60000 };
enum { PACED_WINDOW = CASEMILL_WINDOW_MAX, PACED_LOOK_NS = 50000 };
#define FILE_BYTES_MAX ((size_t)1 << 30)

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_ones: %s\n", what);
    exit(1);
}

static uint32_t number_of(const char *text) {
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (*end != '\0' || number == 0 || number > 10000000) {
        fail("expected a number from 1 to 10000000");
    }
    return (uint32_t)number;
}

static void read_file(const char *path, struct buf *bytes) {
    struct diag diag = {0};
    if (io_read_file(path, FILE_BYTES_MAX, bytes, &diag) != ERR_OK) {
        fail(diag.text);
    }
}

/* --- numbers -----------------------------------------------------------------------------------
 */

static int by_size(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double percentile_us(const int64_t *sorted, uint32_t count, double of_hundred) {
    uint32_t at = (uint32_t)(of_hundred / 100 * count);
    return (double)sorted[at < count ? at : count - 1] / 1000;
}

static void print_numbers(int64_t *took_ns, uint32_t count, int64_t all_ns) {
    qsort(took_ns, count, sizeof(*took_ns), by_size);
    (void)printf("%.1f %.1f %.1f %.1f\n", count / ((double)all_ns / 1e9),
                 percentile_us(took_ns, count, 50), percentile_us(took_ns, count, 99),
                 percentile_us(took_ns, count, 99.9));
}

/* --- pace ---------------------------------------------------------------------------------------
 */

struct pace {
    int64_t start_ns;
    uint32_t a_second;
};

static int64_t due_ns(const struct pace *pace, uint32_t nr) {
    return pace->start_ns + (int64_t)nr * 1000000000 / pace->a_second;
}

static void sleep_ns(int64_t ns) {
    const struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    if (ns > 0) {
        (void)nanosleep(&time, NULL);
    }
}

/* --- submit ------------------------------------------------------------------------------------
 */

struct exchange {
    int64_t *started_ns; /* by tag; then how long it took */
    uint32_t settled;
    enum casemill_event wanted;
};

static void on_receipt(void *user, const struct casemill_receipt *receipt) {
    struct exchange *exchange = user;
    if (receipt->event == CASEMILL_REFUSED || receipt->event == CASEMILL_BUSY) {
        fail(receipt->reason);
    }
    if (receipt->event == exchange->wanted) {
        exchange->started_ns[receipt->tag] = clock_mono_ns() - exchange->started_ns[receipt->tag];
        exchange->settled++;
    }
}

static struct casemill *open_client(const char *endpoint, uint32_t window,
                                    struct exchange *exchange) {
    struct casemill_options options;
    casemill_options_default(&options);
    options.brokers = endpoint;
    options.ack = exchange->wanted == CASEMILL_DONE ? CASEMILL_ACK_OUTCOME : CASEMILL_ACK_JOURNAL;
    options.priority = CASEMILL_URGENT;
    options.window_batches = window;
    options.on_receipt = on_receipt;
    options.user = exchange;
    struct casemill *client = NULL;
    char error[256];
    if (casemill_open(&options, &client, error, sizeof(error)) != CASEMILL_OK) {
        fail(error);
    }
    return client;
}

/* The case that begins at *at; *at is behind it afterwards. */
static void submit_next(struct casemill *client, struct span cases, size_t *at, uint64_t run,
                        uint32_t nr) {
    size_t from = *at;
    if (walk_value(cases, at) != ERR_OK) {
        fail("the file holds too few cases");
    }
    struct casemill_batch batch = {.body = cases.ptr + from,
                                   .body_bytes = *at - from,
                                   .count = 1,
                                   .position = run << 32 | nr,
                                   .tag = nr};
    if (casemill_submit_batch(client, &batch) != CASEMILL_OK) {
        fail("a batch was not taken");
    }
}

static void step(struct casemill *client, int64_t timeout_ms) {
    if (casemill_step(client, timeout_ms) == CASEMILL_FAILED) {
        fail("the client failed");
    }
}

static uint64_t run_number(void) { /* each run's batches are new */
    return (uint64_t)clock_wall_us() & 0x7fffffffU;
}

static void submit(const char *endpoint, const char *path, const char *wanted, uint32_t window,
                   uint32_t count) {
    struct buf bytes = BUF_EMPTY;
    read_file(path, &bytes);
    struct exchange exchange = {.started_ns = mem_zero(count, sizeof(int64_t)),
                                .wanted = strcmp(wanted, "done") == 0 ? CASEMILL_DONE
                                                                      : CASEMILL_ACCEPTED};
    struct casemill *client = open_client(endpoint, window, &exchange);
    uint64_t run = run_number();
    size_t at = 0;
    uint32_t next = 0;
    int64_t start = clock_mono_ns();
    int64_t moved_ms = clock_mono_ms();
    while (exchange.settled < count) {
        uint32_t settled = exchange.settled;
        while (next < count && casemill_has_room(client)) {
            exchange.started_ns[next] = clock_mono_ns();
            submit_next(client, buf_span(&bytes), &at, run, next);
            next++;
        }
        step(client, 1000);
        moved_ms = exchange.settled != settled ? clock_mono_ms() : moved_ms;
        if (clock_mono_ms() - moved_ms > STALL_MS) {
            fail("no receipt for a minute");
        }
    }
    print_numbers(exchange.started_ns, count, clock_mono_ns() - start);
    casemill_close(&client);
    mem_free(exchange.started_ns);
    buf_free(&bytes);
}

static void paced(const char *endpoint, const char *path, uint32_t a_second, uint32_t count) {
    struct buf bytes = BUF_EMPTY;
    read_file(path, &bytes);
    struct exchange exchange = {.started_ns = mem_zero(count, sizeof(int64_t)),
                                .wanted = CASEMILL_DONE};
    struct casemill *client = open_client(endpoint, PACED_WINDOW, &exchange);
    uint64_t run = run_number();
    size_t at = 0;
    uint32_t next = 0;
    step(client, 100);
    const struct pace pace = {.start_ns = clock_mono_ns(), .a_second = a_second};
    while (exchange.settled < count) {
        while (next < count && due_ns(&pace, next) <= clock_mono_ns() &&
               casemill_has_room(client)) {
            exchange.started_ns[next] = due_ns(&pace, next);
            submit_next(client, buf_span(&bytes), &at, run, next);
            next++;
        }
        step(client, 0);
        sleep_ns(PACED_LOOK_NS);
    }
    print_numbers(exchange.started_ns, count, clock_mono_ns() - pace.start_ns);
    casemill_close(&client);
    mem_free(exchange.started_ns);
    buf_free(&bytes);
}

/* --- echo --------------------------------------------------------------------------------------
 */

static void answer(struct net_socket *socket, struct net_message *message, struct arena *arena,
                   struct buf *head) {
    struct wire_message in;
    struct wire_decode_fault fault;
    arena_reset(arena);
    if (message->part_count == 0 ||
        wire_decode(net_part_span(&message->parts[0]), WIRE_INTAKE, WIRE_TO_BROKER, arena, &in,
                    &fault) != ERR_OK ||
        in.command != WIRE_SUBMIT) {
        fail("something that is no SUBMIT");
    }
    struct wire_message out = {.command = WIRE_ACCEPTED, .accepted = {.batch = in.submit.batch}};
    struct net_part part;
    buf_clear(head);
    wire_encode(&out, head);
    net_part_copy(&part, buf_span(head));
    if (net_send(socket, &message->route, &part, 1) != ERR_OK) {
        fail("an answer could not be sent");
    }
}

static void echo(void) {
    struct diag diag = {0};
    struct net *net = NULL;
    struct net_socket *socket = NULL;
    struct net_options options = {.message_bytes_max = MESSAGE_BYTES_MAX, .hwm = ECHO_HWM};
    struct arena arena;
    struct buf head = BUF_EMPTY;
    arena_init(&arena, ARENA_BYTES);
    if (net_open(&net, &diag) != ERR_OK ||
        net_router_bind(net, "tcp://127.0.0.1:0", &options, &socket, &diag) != ERR_OK) {
        fail(diag.text);
    }
    (void)printf("%s\n", net_endpoint(socket));
    (void)fflush(stdout);
    for (;;) { /* the caller ends it */
        struct net_poll_item item = {.socket = socket};
        struct net_message message;
        if (net_poll(&item, 1, -1) != ERR_OK) {
            fail("poll failed");
        }
        while (net_recv(socket, &message) == ERR_OK) {
            answer(socket, &message, &arena, &head);
            net_message_close(&message);
        }
    }
}

/* --- query, sync -------------------------------------------------------------------------------
 */

static void run_line(PGconn *conn, const char *line) {
    if (PQsendQuery(conn, line) != 1) {
        fail(PQerrorMessage(conn));
    }
    for (PGresult *result = PQgetResult(conn); result != NULL; result = PQgetResult(conn)) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            fail(PQerrorMessage(conn));
        }
        PQclear(result);
    }
}

/* pace NULL: each query follows the one before at once. */
static void query(const char *conninfo, const char *path, struct pace *pace, uint32_t count) {
    struct buf text = BUF_EMPTY;
    read_file(path, &text);
    PGconn *conn = PQconnectdb(conninfo);
    if (PQstatus(conn) != CONNECTION_OK) {
        fail(PQerrorMessage(conn));
    }
    int64_t *took = mem_zero(count, sizeof(*took));
    char *line = (char *)(uintptr_t)buf_cstr(&text);
    int64_t start = clock_mono_ns();
    if (pace != NULL) {
        pace->start_ns = start;
    }
    for (uint32_t i = 0; i < count; i++) {
        char *end = strchr(line, '\n');
        if (end == NULL) {
            fail("the file holds too few lines");
        }
        *end = '\0';
        int64_t before = pace == NULL ? clock_mono_ns() : due_ns(pace, i);
        sleep_ns(pace == NULL ? 0 : before - clock_mono_ns());
        run_line(conn, line);
        took[i] = clock_mono_ns() - before;
        line = end + 1;
    }
    print_numbers(took, count, clock_mono_ns() - start);
    PQfinish(conn);
    mem_free(took);
    buf_free(&text);
}

static void sync_writes(const char *dir, uint32_t bytes, uint32_t count) {
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/sync", dir);
    int fd = open(buf_cstr(&path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    uint8_t *block = mem_zero(bytes, 1);
    int64_t *took = mem_zero(count, sizeof(*took));
    /* The journal's file has its size before it is written, too. */
    if (fd < 0 || posix_fallocate(fd, 0, (off_t)bytes * count) != 0 || fsync(fd) != 0) {
        fail("the file cannot be made");
    }
    int64_t start = clock_mono_ns();
    for (uint32_t i = 0; i < count; i++) {
        int64_t before = clock_mono_ns();
        if (write(fd, block, bytes) != (ssize_t)bytes || fdatasync(fd) != 0) {
            fail("write or fdatasync failed");
        }
        took[i] = clock_mono_ns() - before;
    }
    print_numbers(took, count, clock_mono_ns() - start);
    (void)close(fd);
    mem_free(block);
    mem_free(took);
    buf_free(&path);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "submit") == 0 && argc == 7) {
        submit(argv[2], argv[3], argv[4], number_of(argv[5]), number_of(argv[6]));
    } else if (strcmp(what, "paced") == 0 && argc == 6) {
        paced(argv[2], argv[3], number_of(argv[4]), number_of(argv[5]));
    } else if (strcmp(what, "echo") == 0 && argc == 2) {
        echo();
    } else if (strcmp(what, "query") == 0 && argc == 5) {
        query(argv[2], argv[3], NULL, number_of(argv[4]));
    } else if (strcmp(what, "paced_query") == 0 && argc == 6) {
        struct pace pace = {.a_second = number_of(argv[4])};
        query(argv[2], argv[3], &pace, number_of(argv[5]));
    } else if (strcmp(what, "sync") == 0 && argc == 5) {
        sync_writes(argv[2], number_of(argv[3]), number_of(argv[4]));
    } else {
        (void)fprintf(stderr, "usage: bench_ones submit|paced|echo|query|paced_query|sync ...\n");
        return 2;
    }
    return 0;
}
