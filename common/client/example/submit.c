/* Submits three cases and waits until each has its outcome.  Usage: submit [BROKERS]
 *   cc submit.c $(pkg-config --cflags --libs casemill) -o submit */
#include <casemill.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct count {
    uint64_t outcomes, dead, refused;
};

static void on_receipt(void *user, const struct casemill_receipt *receipt) {
    struct count *count = user;
    if (receipt->event == CASEMILL_DONE) {
        count->outcomes += receipt->count - receipt->dead_count;
        count->dead += receipt->dead_count;
    } else if (receipt->event == CASEMILL_REFUSED) {
        count->refused += receipt->count;
        (void)fprintf(stderr, "refused: %s\n", receipt->reason);
    } else if (receipt->event == CASEMILL_BUSY) {
        (void)fprintf(stderr, "BUSY %s: sent again\n", receipt->reason);
    }
    for (uint32_t i = 0; i < receipt->dead_listed; i++) {
        const struct casemill_dead *dead = &receipt->dead[i];
        (void)fprintf(stderr, "case %" PRIu64 ": %.*s at %.*s\n", receipt->position + dead->index,
                      (int)dead->reason.len, dead->reason.ptr, (int)dead->path.len, dead->path.ptr);
    }
}

/* MessagePack of a text of at most 31 bytes.  A program of more than an example uses a library. */
static size_t put_text(uint8_t *at, const char *text) {
    size_t len = strlen(text);
    at[0] = (uint8_t)(0xa0 | len);
    memcpy(at + 1, text, len);
    return len + 1;
}

static size_t put_case(uint8_t *bytes, const char *case_id) {
    size_t len = 0;
    bytes[len++] = 0x83; /* a map of three pairs */
    len += put_text(bytes + len, "case_id");
    len += put_text(bytes + len, case_id);
    len += put_text(bytes + len, "revision");
    bytes[len++] = 0;
    len += put_text(bytes + len, "facts");
    bytes[len++] = 0x81; /* facts that are not known are left out */
    len += put_text(bytes + len, "claim_country");
    return len + put_text(bytes + len, "US");
}

int main(int argc, char **argv) {
    struct count count = {0, 0, 0};
    struct casemill_options options;
    struct casemill *client = NULL;
    char line[256];
    casemill_options_default(&options);
    options.brokers = argc > 1 ? argv[1] : options.brokers;
    options.on_receipt = on_receipt;
    options.user = &count;
    enum casemill_result result = casemill_open(&options, &client, line, sizeof(line));
    if (result != CASEMILL_OK) {
        (void)fprintf(stderr, "submit: %s\n", line);
        return 1;
    }
    static const char *const ids[] = {"C-1", "C-2", "C-3"};
    for (size_t i = 0; i < 3 && result == CASEMILL_OK; i++) {
        uint8_t bytes[128];
        result = casemill_submit(client, bytes, put_case(bytes, ids[i]));
    }
    while (result == CASEMILL_OK && (result = casemill_wait(client, 1000)) == CASEMILL_TIMEOUT) {
        casemill_why(client, line, sizeof(line));
        (void)fprintf(stderr, "waiting for %s\n", line);
        result = CASEMILL_OK;
    }
    casemill_close(&client);
    (void)printf("%" PRIu64 " outcomes, %" PRIu64 " dead letters\n", count.outcomes, count.dead);
    return result == CASEMILL_OK && count.dead + count.refused == 0 ? 0 : 1;
}
