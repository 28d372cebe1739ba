/* A queue in PostgreSQL: one table in the same server as the outcomes; lanes take rows with SKIP
 * LOCKED.  The client commits 1,000 cases at a time, durably.
 * Each taker is a connection with one open transaction, which has deleted what it took.  It commits
 * after the lane has committed the outcomes, without waiting for the disk: if that commit is lost,
 * the rows come back and are duplicates. */
#include "bench_peer.h"

#include "base/clock.h"
#include "base/mem.h"

#include <libpq-fe.h>
#include <stdio.h>

enum { BURST_CASES = 1000, TAKERS = 4, PAUSE_MS = 2 };
_Static_assert((int)TAKERS <= (int)PEER_FDS_MAX, "the lane polls each taker");
enum { INT4 = 23 }; /* a type */

static const char TAKE_SQL[] =
    "DELETE FROM peer_queue WHERE ctid = ANY(ARRAY(SELECT ctid FROM peer_queue ORDER BY id LIMIT "
    "$1 FOR UPDATE SKIP LOCKED)) RETURNING message";

/* A refusal by the server is no lost connection; class 57 means that it stops or has crashed. */
static enum err fault_of(PGconn *conn, const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQstatus(conn) != CONNECTION_OK || (state != NULL && strncmp(state, "57", 2) == 0)) {
        return ERR_CONNECTION;
    }
    (void)fprintf(stderr, "bench_peers: %s", PQerrorMessage(conn));
    return ERR_INVALID;
}

/* A server that starts or stops is away. */
static enum err connect_to(const char *address, PGconn **conn) {
    PGconn *made = PQconnectdb(address);
    if (PQstatus(made) != CONNECTION_OK) {
        PQfinish(made);
        return ERR_CONNECTION;
    }
    *conn = made;
    return ERR_OK;
}

struct push {
    PGconn *conn;
    struct buf rows;
    uint32_t *numbers;
    uint32_t count, cap;
};

static enum err push_open(const char *address, void **push) {
    PGconn *conn = NULL;
    enum err err = connect_to(address, &conn);
    if (err == ERR_OK) {
        struct push *made = mem_zero(1, sizeof(*made));
        made->conn = conn;
        *push = made;
    }
    return err;
}

static enum err push_send(void *context, uint32_t number, struct span message) {
    struct push *push = context;
    if (push->count == 0) { /* head of a binary COPY: its mark, flags, no extension */
        buf_append(&push->rows, SPAN_LIT("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"));
    }
    buf_be16(&push->rows, 1);
    buf_be32(&push->rows, (uint32_t)message.len);
    buf_append(&push->rows, message);
    MEM_ROOM(push->numbers, push->count, push->cap, BURST_CASES);
    push->numbers[push->count++] = number;
    return ERR_OK;
}

static enum err push_settle(void *context, struct pushed *pushed, bool wait) {
    struct push *push = context;
    (void)wait;
    if (push->count == 0) {
        return ERR_OK;
    }
    buf_be16(&push->rows, UINT16_MAX);
    PGresult *result = PQexec(push->conn, "COPY peer_queue (message) FROM STDIN (FORMAT binary)");
    if (PQresultStatus(result) != PGRES_COPY_IN) {
        enum err err = fault_of(push->conn, result);
        PQclear(result);
        return err;
    }
    PQclear(result);
    if (PQputCopyData(push->conn, (const char *)push->rows.ptr, (int)push->rows.len) != 1 ||
        PQputCopyEnd(push->conn, NULL) != 1) {
        return fault_of(push->conn, NULL);
    }
    enum err err = ERR_OK;
    for (result = PQgetResult(push->conn); result != NULL; result = PQgetResult(push->conn)) {
        if (err == ERR_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
            err = fault_of(push->conn, result);
        }
        PQclear(result);
    }
    if (err != ERR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < push->count; i++) {
        pushed_confirm(pushed, push->numbers[i]);
    }
    push->count = 0;
    buf_clear(&push->rows);
    return ERR_OK;
}

static void push_close(void **context) {
    struct push *push = *context;
    PQfinish(push->conn);
    buf_free(&push->rows);
    mem_free(push->numbers);
    mem_free(push);
    *context = NULL;
}

struct taker {
    PGconn *conn;
    uint32_t open;       /* messages of its transaction that are not committed */
    uint32_t syncs;      /* answers that it waits for */
    int64_t ask_at_ms;   /* not before, because the queue was empty; 0: at once */
    bool has_asked, got; /* it waits for rows; it has some */
};

struct take {
    struct taker takers[TAKERS];
    uint32_t messages; /* of one taker */
};

static void take_close(void **context) {
    struct take *take = *context;
    for (uint32_t i = 0; i < TAKERS; i++) {
        PQfinish(take->takers[i].conn);
    }
    mem_free(take);
    *context = NULL;
}

static enum err take_open(const struct peer_take_options *options, void **context) {
    struct take *take = mem_zero(1, sizeof(*take));
    enum err err = ERR_OK;
    take->messages = options->messages / TAKERS;
    for (uint32_t i = 0; err == ERR_OK && i < TAKERS; i++) {
        err = connect_to(options->address, &take->takers[i].conn);
        if (err == ERR_OK) {
            PGresult *result = PQexec(take->takers[i].conn, "SET synchronous_commit = off");
            err = PQresultStatus(result) == PGRES_COMMAND_OK
                      ? ERR_OK
                      : fault_of(take->takers[i].conn, result);
            PQclear(result);
        }
        if (err == ERR_OK) {
            CHECK(PQsetnonblocking(take->takers[i].conn, 1) == 0);
            CHECK(PQenterPipelineMode(take->takers[i].conn) == 1);
        }
    }
    *context = take;
    if (err != ERR_OK) {
        take_close(context);
    }
    return err;
}

static uint32_t take_fds(void *context, struct pollfd *fds, int64_t *wait_ms) {
    struct take *take = context;
    int64_t now = clock_mono_ms();
    for (uint32_t i = 0; i < TAKERS; i++) {
        struct taker *taker = &take->takers[i];
        fds[i] = (struct pollfd){.fd = PQsocket(taker->conn), .events = POLLIN};
        if (taker->ask_at_ms != 0 && taker->ask_at_ms - now < *wait_ms) {
            *wait_ms = taker->ask_at_ms > now ? taker->ask_at_ms - now : 0;
        }
    }
    return TAKERS;
}

static enum err ask(struct taker *taker, uint32_t messages) {
    char limit[16];
    (void)snprintf(limit, sizeof(limit), "%u", messages);
    const char *const values[] = {limit};
    const Oid types[] = {INT4};
    if (PQsendQueryParams(taker->conn, "BEGIN", 0, NULL, NULL, NULL, NULL, 1) != 1 ||
        PQsendQueryParams(taker->conn, TAKE_SQL, 1, types, values, NULL, NULL, 1) != 1 ||
        PQpipelineSync(taker->conn) != 1 || PQflush(taker->conn) < 0) {
        return fault_of(taker->conn, NULL);
    }
    taker->has_asked = true;
    taker->got = false;
    taker->syncs++;
    return ERR_OK;
}

static enum err commit(struct taker *taker) {
    if (PQsendQueryParams(taker->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 1) != 1 ||
        PQpipelineSync(taker->conn) != 1 || PQflush(taker->conn) < 0) {
        return fault_of(taker->conn, NULL);
    }
    taker->syncs++;
    return ERR_OK;
}

static enum err take_result(struct taker *taker, uint32_t number, PGresult *result,
                            struct seat *seat) {
    switch ((int)PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        for (int row = 0; row < PQntuples(result); row++) {
            const struct peer_mark mark = {.number = number};
            seat_put(seat,
                     span_make(PQgetvalue(result, row, 0), (size_t)PQgetlength(result, row, 0)),
                     &mark);
            taker->open++;
        }
        taker->got = PQntuples(result) > 0;
        taker->ask_at_ms = taker->got ? 0 : clock_mono_ms() + PAUSE_MS;
        return ERR_OK;
    case PGRES_PIPELINE_SYNC:
        taker->syncs--;
        if (taker->has_asked) {
            taker->has_asked = false;
            return taker->got ? ERR_OK : commit(taker);
        }
        return ERR_OK;
    case PGRES_COMMAND_OK: /* BEGIN, COMMIT */
        return ERR_OK;
    default:
        return fault_of(taker->conn, result);
    }
}

static enum err read_results(struct taker *taker, uint32_t number, struct seat *seat) {
    if (PQconsumeInput(taker->conn) != 1) {
        return ERR_CONNECTION;
    }
    while (taker->syncs > 0 && PQisBusy(taker->conn) == 0) {
        PGresult *result = PQgetResult(taker->conn); /* NULL: the end of a statement */
        enum err err = result == NULL ? ERR_OK : take_result(taker, number, result, seat);
        PQclear(result);
        if (err != ERR_OK) {
            return err;
        }
    }
    return PQstatus(taker->conn) == CONNECTION_OK ? ERR_OK : ERR_CONNECTION;
}

static enum err take_step(void *context, struct seat *seat, bool is_readable) {
    struct take *take = context;
    enum err err = ERR_OK;
    int64_t now = clock_mono_ms();
    bool is_asking = false;
    for (uint32_t i = 0; err == ERR_OK && is_readable && i < TAKERS; i++) {
        err = read_results(&take->takers[i], i, seat);
    }
    for (uint32_t i = 0; i < TAKERS; i++) {
        is_asking = is_asking || take->takers[i].has_asked;
    }
    for (uint32_t i = 0; err == ERR_OK && i < TAKERS; i++) { /* one after another */
        struct taker *taker = &take->takers[i];
        taker->ask_at_ms = now >= taker->ask_at_ms ? 0 : taker->ask_at_ms;
        if (!is_asking && taker->syncs == 0 && taker->open == 0 && taker->ask_at_ms == 0 &&
            seat_room(seat) >= take->messages) {
            err = ask(taker, take->messages);
            is_asking = true;
        }
    }
    return err;
}

static enum err take_acknowledge(void *context, const struct peer_mark *marks, uint32_t count) {
    struct take *take = context;
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        struct taker *taker = &take->takers[marks[i].number];
        CHECK(taker->open > 0);
        err = --taker->open == 0 ? commit(taker) : ERR_OK;
    }
    return err;
}

static enum err take_finish(void *context) {
    struct take *take = context;
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < TAKERS; i++) {
        struct taker *taker = &take->takers[i];
        CHECK(PQsetnonblocking(taker->conn, 0) == 0);
        while (err == ERR_OK && taker->syncs > 0) {
            PGresult *result = PQgetResult(taker->conn);
            ExecStatusType status = result == NULL ? PGRES_COMMAND_OK : PQresultStatus(result);
            taker->syncs -= status == PGRES_PIPELINE_SYNC ? 1 : 0;
            err = status == PGRES_FATAL_ERROR ? fault_of(taker->conn, result) : ERR_OK;
            PQclear(result);
        }
    }
    return err; /* rows of an open transaction are there again when it is rolled back */
}

const struct peer PEER_POSTGRES = {.name = "postgres",
                                   .burst_cases = BURST_CASES,
                                   .push_open = push_open,
                                   .push_send = push_send,
                                   .push_settle = push_settle,
                                   .push_close = push_close,
                                   .take_open = take_open,
                                   .take_fds = take_fds,
                                   .take_step = take_step,
                                   .take_acknowledge = take_acknowledge,
                                   .take_finish = take_finish,
                                   .take_close = take_close};
