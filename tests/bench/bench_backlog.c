/* A journal full of batches, and a broker that starts on it.
 *   bench_backlog meta DIR
 *     reads LMDB's table of headers from end to end and nothing else; prints: seconds entries
 *   bench_backlog first_work BROKER...
 *     runs that command, joins it as a lane and waits for work; prints: seconds from the start of
 *     the program to WORK */
#include "base/buf.h"
#include "base/clock.h"
#include "net/net.h"
#include "wire/wire.h"

#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TABLES = 8, LINE_BYTES = 1024, ARENA_BYTES = 64 << 20, MESSAGE_BYTES_MAX = 64 << 20 };
enum { CREDIT_CASES = 8192, CREDIT_BYTES = 8 << 20, WORK_MS_MAX = 300000 };

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_backlog: %s\n", what);
    exit(1);
}

/* --- meta --------------------------------------------------------------------------------------
 */

static void must(int result) {
    if (result != 0) {
        fail(mdb_strerror(result));
    }
}

static void read_meta(const char *dir) {
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_dbi meta = 0;
    MDB_val key;
    MDB_val value;
    uint64_t entries = 0;
    volatile uint64_t read = 0; /* so that the bytes are read */
    int64_t start = clock_mono_ns();
    must(mdb_env_create(&env));
    must(mdb_env_set_maxdbs(env, TABLES));
    must(mdb_env_open(env, dir, MDB_RDONLY | MDB_NOLOCK, 0600));
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    must(mdb_dbi_open(txn, "meta", 0, &meta));
    must(mdb_cursor_open(txn, meta, &cursor));
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        read += *(const uint8_t *)value.mv_data;
        entries++;
    }
    (void)printf("%.6f %llu\n", (double)(clock_mono_ns() - start) / 1e9,
                 (unsigned long long)entries);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

/* --- first_work --------------------------------------------------------------------------------
 */

/* Starts the broker; its ready line's endpoint for lanes. */
static pid_t start_broker(char **command, char endpoint[LINE_BYTES]) {
    int ends[2];
    if (pipe(ends) != 0) {
        fail("no pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execvp(command[0], command);
        _exit(127);
    }
    (void)close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    char line[LINE_BYTES];
    while (pid > 0 && out != NULL && fgets(line, sizeof(line), out) != NULL) {
        const char *worker = strstr(line, " worker=");
        if (strncmp(line, "ready ", 6) == 0 && worker != NULL &&
            sscanf(worker, " worker=%1023s", endpoint) == 1) {
            return pid; /* its stdout stays open as long as it runs */
        }
    }
    fail("the broker did not start");
    return -1;
}

static void say_ready(struct net_socket *socket) {
    struct wire_message message = {.command = WIRE_READY,
                                   .ready = {.uuid = uuid_random(),
                                             .name = SPAN_LIT("bench"),
                                             .version = SPAN_LIT("bench"),
                                             .credit_cases = CREDIT_CASES,
                                             .credit_bytes = CREDIT_BYTES}};
    struct buf head = BUF_EMPTY;
    struct net_part part;
    wire_encode(&message, &head);
    net_part_copy(&part, buf_span(&head));
    if (net_send(socket, NULL, &part, 1) != ERR_OK) {
        fail("READY could not be sent");
    }
    buf_free(&head);
}

static bool is_work(const struct net_message *message, struct arena *arena) {
    struct wire_message in;
    struct wire_decode_fault fault;
    arena_reset(arena);
    return message->part_count > 0 &&
           wire_decode(net_part_span(&message->parts[0]), WIRE_WORKER, WIRE_FROM_BROKER, arena, &in,
                       &fault) == ERR_OK &&
           in.command == WIRE_WORK && in.work.delivery_count > 0;
}

static void await_work(struct net_socket *socket, struct arena *arena) {
    int64_t deadline_ms = clock_mono_ms() + WORK_MS_MAX;
    while (clock_mono_ms() < deadline_ms) {
        struct net_poll_item item = {.socket = socket};
        struct net_message message;
        if (net_poll(&item, 1, 1000) != ERR_OK) {
            fail("poll failed");
        }
        while (net_recv(socket, &message) == ERR_OK) {
            bool work = is_work(&message, arena);
            net_message_close(&message);
            if (work) {
                return;
            }
        }
    }
    fail("no work came");
}

static void first_work(char **command) {
    struct diag diag = {0};
    struct net *net = NULL;
    struct net_socket *socket = NULL;
    struct net_options options = {.message_bytes_max = MESSAGE_BYTES_MAX};
    struct arena arena;
    char endpoint[LINE_BYTES];
    arena_init(&arena, ARENA_BYTES);
    int64_t start = clock_mono_ns();
    pid_t broker = start_broker(command, endpoint);
    if (net_open(&net, &diag) != ERR_OK ||
        net_dealer_connect(net, endpoint, &options, &socket, &diag) != ERR_OK) {
        fail(diag.text);
    }
    say_ready(socket);
    await_work(socket, &arena);
    (void)printf("%.6f\n", (double)(clock_mono_ns() - start) / 1e9);
    net_socket_close(&socket);
    net_close(&net);
    arena_free(&arena);
    (void)kill(broker, SIGKILL);
    (void)waitpid(broker, NULL, 0);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "meta") == 0) {
        read_meta(argv[2]);
    } else if (argc > 2 && strcmp(argv[1], "first_work") == 0) {
        first_work(argv + 2);
    } else {
        (void)fprintf(stderr, "usage: bench_backlog meta DIR | first_work BROKER...\n");
        return 2;
    }
    return 0;
}
