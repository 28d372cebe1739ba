/* The baseline of the end-to-end benchmarks: a loader that only COPYs rows over a number of
 * connections. The rows are in PostgreSQL's binary format already, in key order.
 *   bench_load CONNINFO ROWS_FILE COPY_STATEMENT CONNECTIONS ROWS_PER_TRANSACTION
 *     prints: seconds rows
 * ROWS_FILE is the result of COPY ... TO STDOUT (FORMAT binary) for the same columns. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECTIONS_MAX = 16, COPY_HEAD_BYTES = 19 };
#define FILE_BYTES_MAX ((size_t)16 << 30)

struct loader {
    const char *conninfo, *copy;
    struct buf rows;
    size_t *starts; /* of each transaction's first row; one more than there are */
    uint32_t count, cap;
    uint64_t row_count;
    pthread_barrier_t ready;
    _Atomic uint32_t next;
};

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_load: %s\n", what);
    exit(1);
}

static void add_start(struct loader *loader, size_t at) {
    MEM_ROOM(loader->starts, loader->count, loader->cap, 1024);
    loader->starts[loader->count++] = at;
}

/* Row: field count (2 bytes, -1 behind the last row), then each field's length (4) and bytes. */
static void cut_rows(struct loader *loader, uint32_t rows_per_transaction) {
    const uint8_t *bytes = loader->rows.ptr;
    size_t at = COPY_HEAD_BYTES;
    if (loader->rows.len < COPY_HEAD_BYTES + 2 || memcmp(bytes, "PGCOPY\n", 7) != 0) {
        fail("the file is no binary COPY");
    }
    while (get_be16(bytes + at) != 0xffff) {
        if (loader->row_count++ % rows_per_transaction == 0) {
            add_start(loader, at);
        }
        uint32_t fields = get_be16(bytes + at);
        at += 2;
        for (uint32_t i = 0; i < fields; i++) {
            uint32_t len = get_be32(bytes + at);
            at += 4U + (len == UINT32_MAX ? 0 : len);
        }
        if (at + 2 > loader->rows.len) {
            fail("the file is cut short");
        }
    }
    add_start(loader, at);
}

static void expect(PGconn *conn, PGresult *result, ExecStatusType status) {
    if (PQresultStatus(result) != status) {
        fail(PQerrorMessage(conn));
    }
    PQclear(result);
}

static void load_one(struct loader *loader, PGconn *conn, const char *sql, uint32_t index) {
    static const uint8_t last[2] = {0xff, 0xff};
    size_t from = loader->starts[index];
    size_t bytes = loader->starts[index + 1] - from;
    if (PQsendQuery(conn, sql) != 1) {
        fail(PQerrorMessage(conn));
    }
    expect(conn, PQgetResult(conn), PGRES_COMMAND_OK); /* BEGIN */
    expect(conn, PQgetResult(conn), PGRES_COPY_IN);
    if (PQputCopyData(conn, (const char *)loader->rows.ptr, COPY_HEAD_BYTES) != 1 ||
        PQputCopyData(conn, (const char *)loader->rows.ptr + from, (int)bytes) != 1 ||
        PQputCopyData(conn, (const char *)last, sizeof(last)) != 1 ||
        PQputCopyEnd(conn, NULL) != 1) {
        fail(PQerrorMessage(conn));
    }
    expect(conn, PQgetResult(conn), PGRES_COMMAND_OK); /* COPY */
    expect(conn, PQgetResult(conn), PGRES_COMMAND_OK); /* COMMIT */
    if (PQgetResult(conn) != NULL) {
        fail("more results than statements");
    }
}

static void *connection_main(void *arg) {
    struct loader *loader = arg;
    PGconn *conn = PQconnectdb(loader->conninfo);
    if (PQstatus(conn) != CONNECTION_OK) {
        fail(PQerrorMessage(conn));
    }
    struct buf sql = BUF_EMPTY;
    buf_printf(&sql, "BEGIN; %s; COMMIT", loader->copy);
    (void)pthread_barrier_wait(&loader->ready);
    for (;;) {
        uint32_t index = atomic_fetch_add(&loader->next, 1);
        if (index + 1 >= loader->count) {
            break;
        }
        load_one(loader, conn, buf_cstr(&sql), index);
    }
    buf_free(&sql);
    PQfinish(conn);
    return NULL;
}

int main(int argc, char **argv) {
    uint32_t connections = argc == 6 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    uint32_t rows = argc == 6 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0;
    if (connections == 0 || connections > CONNECTIONS_MAX || rows == 0) {
        (void)fprintf(stderr, "usage: bench_load CONNINFO ROWS_FILE COPY_STATEMENT CONNECTIONS "
                              "ROWS_PER_TRANSACTION\n");
        return 2;
    }
    struct loader loader = {.conninfo = argv[1], .copy = argv[3], .rows = BUF_EMPTY};
    struct diag diag = {0};
    if (io_read_file(argv[2], FILE_BYTES_MAX, &loader.rows, &diag) != ERR_OK) {
        fail(diag.text);
    }
    cut_rows(&loader, rows);
    if (pthread_barrier_init(&loader.ready, NULL, connections + 1) != 0) {
        fail("no barrier");
    }
    pthread_t threads[CONNECTIONS_MAX];
    for (uint32_t i = 0; i < connections; i++) {
        if (pthread_create(&threads[i], NULL, connection_main, &loader) != 0) {
            fail("no thread");
        }
    }
    (void)pthread_barrier_wait(&loader.ready); /* all are connected */
    int64_t start = clock_mono_ns();
    for (uint32_t i = 0; i < connections; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)printf("%.6f %llu\n", (double)(clock_mono_ns() - start) / 1e9,
                 (unsigned long long)loader.row_count);
    (void)pthread_barrier_destroy(&loader.ready);
    mem_free(loader.starts);
    buf_free(&loader.rows);
    return 0;
}
