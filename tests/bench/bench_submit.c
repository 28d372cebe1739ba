/* The intake side of the road benchmarks: cases that are MessagePack already, in batches of one
 * size, to their last DONE.
 *   bench_submit rate ENDPOINT FILE BATCH     prints: seconds cases accepted_seconds
 * The clock runs from the first submit to the last receipt; file and batches are ready before. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "client/casemill.h"
#include "wire/walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WINDOW_CASES = 16384, WINDOW_MIN = 16, STALL_MS = 60000 };
#define FILE_BYTES_MAX ((size_t)8 << 30)

struct cut {
    size_t offset, length;
    uint32_t count;
};
struct batches {
    struct buf bytes;
    struct cut *cuts;
    uint32_t count, cap;
    uint64_t cases;
};
struct tally {
    uint32_t accepted, done;
    uint64_t cases, dead, duplicates;
    int64_t accepted_ns; /* when the last one was */
};

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_submit: %s\n", what);
    exit(1);
}

/* Names outlive a run of the broker: the position makes each run's batches new ones. */
static void read_batches(const char *path, uint32_t batch_cases, struct batches *batches) {
    struct diag diag = {0};
    if (io_read_file(path, FILE_BYTES_MAX, &batches->bytes, &diag) != ERR_OK) {
        fail(diag.text);
    }
    struct span all = buf_span(&batches->bytes);
    for (size_t at = 0; at < all.len;) {
        if (batches->count == batches->cap) {
            batches->cap = batches->cap == 0 ? 1024 : batches->cap * 2;
            batches->cuts = mem_grow(batches->cuts, batches->cap, sizeof(*batches->cuts));
        }
        struct cut *cut = &batches->cuts[batches->count++];
        *cut = (struct cut){.offset = at};
        while (at < all.len && cut->count < batch_cases) {
            if (walk_value(all, &at) != ERR_OK) {
                fail("the file does not hold MessagePack values");
            }
            cut->count++;
        }
        cut->length = at - cut->offset;
        batches->cases += cut->count;
    }
}

static void on_receipt(void *user, const struct casemill_receipt *receipt) {
    struct tally *tally = user;
    switch (receipt->event) {
    case CASEMILL_ACCEPTED:
        tally->accepted++;
        tally->accepted_ns = clock_mono_ns();
        break;
    case CASEMILL_DONE:
        tally->done++;
        tally->cases += receipt->count;
        tally->dead += receipt->dead_count;
        tally->duplicates += receipt->duplicates;
        break;
    case CASEMILL_REFUSED:
        fail(receipt->reason);
        break;
    case CASEMILL_BUSY:
        break; /* sent again by the library */
    }
}

static struct casemill *open_client(const char *endpoint, uint32_t batch_cases,
                                    struct tally *tally) {
    struct casemill_options options;
    casemill_options_default(&options);
    options.endpoint = endpoint;
    options.ack = CASEMILL_ACK_OUTCOME;
    uint32_t window = WINDOW_CASES / batch_cases;
    options.window_batches = window > WINDOW_MIN ? window : WINDOW_MIN;
    options.on_receipt = on_receipt;
    options.user = tally;
    struct casemill *client = NULL;
    char error[256];
    if (casemill_open(&options, &client, error, sizeof(error)) != CASEMILL_OK) {
        fail(error);
    }
    return client;
}

static void step(struct casemill *client, int64_t timeout_ms) {
    if (casemill_step(client, timeout_ms) == CASEMILL_FAILED) {
        fail("the client failed");
    }
}

static void submit_all(struct casemill *client, const struct batches *batches,
                       const struct tally *tally, uint64_t run) {
    uint32_t next = 0;
    uint32_t done = 0;
    int64_t moved = clock_mono_ms();
    while (tally->done < batches->count) {
        for (; next < batches->count && casemill_has_room(client); next++) {
            const struct cut *cut = &batches->cuts[next];
            struct casemill_batch batch = {.body = batches->bytes.ptr + cut->offset,
                                           .body_bytes = cut->length,
                                           .count = cut->count,
                                           .position = run << 32 | next};
            if (casemill_submit_batch(client, &batch) != CASEMILL_OK) {
                fail("a batch was not taken");
            }
        }
        step(client, 10);
        if (tally->done != done) {
            done = tally->done;
            moved = clock_mono_ms();
        } else if (clock_mono_ms() - moved > STALL_MS) {
            fail("no receipt for a minute");
        }
    }
}

int main(int argc, char **argv) {
    uint32_t batch_cases =
        argc == 5 && strcmp(argv[1], "rate") == 0 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    if (batch_cases == 0) {
        (void)fprintf(stderr, "usage: bench_submit rate ENDPOINT FILE BATCH\n");
        return 2;
    }
    struct batches batches = {.bytes = BUF_EMPTY};
    read_batches(argv[3], batch_cases, &batches);
    struct tally tally = {0};
    struct casemill *client = open_client(argv[2], batch_cases, &tally);
    step(client, 100);
    int64_t start = clock_mono_ns();
    submit_all(client, &batches, &tally, (uint64_t)clock_wall_us() & 0x7fffffffU);
    int64_t end = clock_mono_ns();
    if (tally.dead != 0 || tally.duplicates != 0 || tally.cases != batches.cases) {
        fail("not every case became an outcome of its own");
    }
    (void)printf("%.6f %" PRIu64 " %.6f\n", (double)(end - start) / 1e9, batches.cases,
                 (double)(tally.accepted_ns - start) / 1e9);
    casemill_close(&client);
    mem_free(batches.cuts);
    buf_free(&batches.bytes);
    return 0;
}
