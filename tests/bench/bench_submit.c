/* The intake side of the end-to-end benchmarks: encoded cases in batches of one size, to their
 * last DONE, or to their last ACCEPTED.
 *   bench_submit rate|accepted ENDPOINT FILE BATCH [ordered|random FROM]
 *     prints: seconds cases accepted_seconds
 * The clock runs from the first submit to the last receipt; file and batches are ready before.
 * With FROM the cases get other ids, of the numbers from there on: in their order, or spread
 * over all ids (lib.sh: case_id_of makes the same in SQL). */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "client/casemill.h"
#include "wire/walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Twice what two lanes hold. */
enum { WINDOW_CASES = 8 * 8192, WINDOW_MIN = 16, STALL_MS = 60000 };
enum { ID_BYTES = 10, ID_HALF_BITS = 20, NUMBER_MAX = 1 << 26 };
#define SPREAD UINT64_C(84941944609) /* odd; times NUMBER_MAX below 2^63 */
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
struct ids {
    bool given, spread;
    uint64_t next;
};

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_submit: %s\n", what);
    exit(1);
}

/* In place: an id of `casemill generate` and one of these are equally long. */
static void name_case(uint8_t *bytes, size_t length, struct ids *ids) {
    static const uint8_t head[] = {0xa7, 'c', 'a', 's', 'e', '_', 'i', 'd', 0xa0 | ID_BYTES};
    if (length < 1 + sizeof(head) + ID_BYTES || memcmp(bytes + 1, head, sizeof(head)) != 0) {
        fail("the file is not of `casemill generate`");
    }
    uint64_t number = ids->next++;
    if (ids->spread) { /* each step keeps different numbers different */
        number = number * SPREAD & ((UINT64_C(1) << 2 * ID_HALF_BITS) - 1);
        number ^= number >> ID_HALF_BITS;
    }
    for (size_t i = ID_BYTES; i > 0; i--, number >>= 4) {
        bytes[sizeof(head) + i] = (uint8_t) "0123456789abcdef"[number & 15];
    }
}

/* Names outlive a run of the broker: the position makes each run's batches new ones. */
static void read_batches(const char *path, uint32_t batch_cases, struct ids *ids,
                         struct batches *batches) {
    struct diag diag = {0};
    if (io_read_file(path, FILE_BYTES_MAX, &batches->bytes, &diag) != ERR_OK) {
        fail(diag.text);
    }
    struct span all = buf_span(&batches->bytes);
    for (size_t at = 0; at < all.len;) {
        MEM_ROOM(batches->cuts, batches->count, batches->cap, 1024);
        struct cut *cut = &batches->cuts[batches->count++];
        *cut = (struct cut){.offset = at};
        while (at < all.len && cut->count < batch_cases) {
            size_t from = at;
            if (walk_value(all, &at) != ERR_OK) {
                fail("the file does not hold MessagePack values");
            }
            if (ids->given) {
                name_case(batches->bytes.ptr + from, at - from, ids);
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

static struct casemill *open_client(const char *endpoint, uint32_t batch_cases, bool to_done,
                                    struct tally *tally) {
    struct casemill_options options;
    casemill_options_default(&options);
    options.brokers = endpoint;
    options.ack = to_done ? CASEMILL_ACK_OUTCOME : CASEMILL_ACK_JOURNAL;
    uint32_t window = WINDOW_CASES / batch_cases;
    options.window_batches = window < WINDOW_MIN            ? WINDOW_MIN
                             : window > CASEMILL_WINDOW_MAX ? CASEMILL_WINDOW_MAX
                                                            : window;
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
                       const uint32_t *settled, uint64_t run) {
    uint32_t next = 0;
    uint32_t seen = 0;
    int64_t moved = clock_mono_ms();
    while (*settled < batches->count) {
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
        if (*settled != seen) {
            seen = *settled;
            moved = clock_mono_ms();
        } else if (clock_mono_ms() - moved > STALL_MS) {
            fail("no receipt for a minute");
        }
    }
}

static struct ids ids_of(int argc, char **argv) {
    struct ids ids = {.given = argc == 7};
    if (ids.given) {
        ids.spread = strcmp(argv[5], "random") == 0;
        ids.next = strtoull(argv[6], NULL, 10);
        if ((!ids.spread && strcmp(argv[5], "ordered") != 0) || ids.next >= NUMBER_MAX) {
            fail("expected ordered or random, and a number below 2^26");
        }
    }
    return ids;
}

int main(int argc, char **argv) {
    bool to_done = argc > 1 && strcmp(argv[1], "rate") == 0;
    uint32_t batch_cases = argc == 5 || argc == 7 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    if (batch_cases == 0 || (!to_done && strcmp(argv[1], "accepted") != 0)) {
        (void)fprintf(stderr, "usage: bench_submit rate|accepted ENDPOINT FILE BATCH "
                              "[ordered|random FROM]\n");
        return 2;
    }
    struct batches batches = {.bytes = BUF_EMPTY};
    struct ids ids = ids_of(argc, argv);
    read_batches(argv[3], batch_cases, &ids, &batches);
    struct tally tally = {0};
    struct casemill *client = open_client(argv[2], batch_cases, to_done, &tally);
    step(client, 100);
    int64_t start = clock_mono_ns();
    submit_all(client, &batches, to_done ? &tally.done : &tally.accepted,
               (uint64_t)clock_wall_us() & 0x7fffffffU);
    int64_t end = clock_mono_ns();
    if (tally.dead != 0 || tally.duplicates != 0 || (to_done && tally.cases != batches.cases)) {
        fail("not every case became an outcome of its own");
    }
    (void)printf("%.6f %" PRIu64 " %.6f\n", (double)(end - start) / 1e9, batches.cases,
                 (double)(tally.accepted_ns - start) / 1e9);
    casemill_close(&client);
    mem_free(batches.cuts);
    buf_free(&batches.bytes);
    return 0;
}
