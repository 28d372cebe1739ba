/* The client: batches wait in the window until they are settled.  After anything uncertain (a new
 * connection, a long silence, STATUS unknown) the client asks or sends again, because the broker
 * and the database count a case revision once. */
#include "client/casemill.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "client/client_priv.h"
#include "wire/walk.h"

#include <stdio.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 64 << 20, /* of one receipt, with the results of its cases */
    RECEIPTS_A_STEP = 1024,
    STEP_MS = 100,
    CONNECT_STEP_MS = 10,
    ASK_MS = 1000
};

static void client_check(const struct casemill *client) {
    CHECK(client->window.count <= client->options.window_batches);
    CHECK((client->open_count == 0) == (client->open_body.len == 0));
    CHECK(client->open_body.len <= client->options.batch_bytes_max);
}

void casemill_options_default(struct casemill_options *options) {
    *options = (struct casemill_options){.brokers = "tcp://127.0.0.1:5570",
                                         .ack = CASEMILL_ACK_OUTCOME,
                                         .priority = CASEMILL_NORMAL,
                                         .batch_cases_max = 1000,
                                         .batch_bytes_max = WIRE_BODY_BYTES_SURE,
                                         .linger_ms = 20,
                                         .window_batches = 32,
                                         .quiet_ms = 10000};
}

static const char *options_fault(const struct casemill_options *options) {
    if (options->brokers == NULL) {
        return "no brokers";
    }
    struct span source = span_str(options->source == NULL ? "" : options->source);
    if (source.len > WIRE_NAME_MAX || !span_is_utf8(source)) {
        return "source: expected UTF-8 of at most 128 bytes";
    }
    if (options->batch_cases_max == 0 || options->batch_cases_max > WIRE_CASES_MAX) {
        return "batch_cases_max: expected 1 to 65536";
    }
    if (options->batch_bytes_max == 0 || options->batch_bytes_max > WIRE_BODY_BYTES_MAX) {
        return "batch_bytes_max: expected 1 to 8388608";
    }
    if (options->window_batches == 0 || options->window_batches > CASEMILL_WINDOW_MAX) {
        return "window_batches: expected 1 to 16384";
    }
    if ((unsigned)options->ack > CASEMILL_ACK_OUTCOME ||
        (unsigned)options->priority > CASEMILL_BULK) {
        return "ack, priority: expected one of their enum";
    }
    if (options->results && options->ack != CASEMILL_ACK_OUTCOME) {
        return "results: they need ack outcome";
    }
    return options->quiet_ms < 1 ? "quiet_ms: expected 1 or more" : NULL;
}

static void say(char *error, size_t error_bytes, const char *text) {
    if (error_bytes > 0) {
        (void)snprintf(error, error_bytes, "%s", text);
    }
}

enum casemill_result casemill_open(const struct casemill_options *options, struct casemill **client,
                                   char *error, size_t error_bytes) {
    const char *fault = options_fault(options);
    if (fault != NULL) {
        say(error, error_bytes, fault);
        return CASEMILL_INVALID;
    }
    struct casemill *made = mem_zero(1, sizeof(*made));
    struct diag diag = {0};
    made->options = *options;
    buf_str(&made->source, options->source == NULL ? "" : options->source);
    arena_init(&made->arena, ARENA_BYTES_MAX);
    window_init(&made->window, options->window_batches);
    const struct links_options links = {
        .brokers = options->brokers,
        .key = options->key == NULL ? "" : options->key,
        .broker_keys = options->broker_keys == NULL ? "" : options->broker_keys,
        .quiet_ms = options->quiet_ms};
    enum err err = links_open(&made->links, &links, clock_mono_ms(), &diag);
    if (err != ERR_OK) {
        struct buf line = BUF_EMPTY;
        if (diag.file[0] != '\0') {
            buf_printf(&line, "%s:%u: ", diag.file, diag.line);
        }
        buf_str(&line, diag.text);
        say(error, error_bytes, buf_cstr(&line));
        buf_free(&line);
        casemill_close(&made);
        return err == ERR_SYSTEM ? CASEMILL_FAILED : CASEMILL_INVALID;
    }
    *client = made;
    return CASEMILL_OK;
}

void casemill_close(struct casemill **client) {
    struct casemill *closed = *client;
    if (closed == NULL) {
        return;
    }
    links_close(&closed->links);
    window_fini(&closed->window);
    arena_free(&closed->arena);
    buf_free(&closed->source);
    buf_free(&closed->head);
    to_rows_fini(&closed->to_rows);
    buf_free(&closed->open_body);
    mem_free(closed);
    *client = NULL;
}

void casemill_batch_id(const void *body, size_t body_bytes, uint64_t position,
                       uint8_t id[CASEMILL_BATCH_ID_BYTES]) {
    uint64_t last = htole64(position);
    struct hash128 hash =
        hash128_joined(span_make(body, body_bytes), span_make(&last, sizeof(last)));
    memcpy(id, hash.bytes, CASEMILL_BATCH_ID_BYTES);
}

bool casemill_has_room(const struct casemill *client) {
    return client->window.count < client->options.window_batches;
}

uint32_t casemill_unsettled(const struct casemill *client) { return client->window.count; }

const char *casemill_disposition_name(uint32_t disposition) {
    return wire_disposition_word(disposition);
}

const char *casemill_version(void) { return CASEMILL_VERSION; }

static void add_batch(struct casemill *client, const struct casemill_batch *given,
                      struct buf *body) {
    struct uuid id;
    if (given->id != NULL) {
        memcpy(id.bytes, given->id, sizeof(id.bytes));
    } else {
        casemill_batch_id(body->ptr, body->len, given->position, id.bytes);
    }
    struct batch *batch = window_add(&client->window, &id, body);
    batch->count = given->count;
    batch->position = given->position;
    batch->tag = given->tag;
}

/* Appends the open batch to the closed ones.  There must be room. */
static void close_open(struct casemill *client) {
    CHECK(casemill_has_room(client));
    CHECK(client->open_count > 0);
    struct casemill_batch given = {.count = client->open_count, .position = client->position};
    add_batch(client, &given, &client->open_body);
    client->position += client->open_count;
    client->open_count = 0;
}

enum casemill_result casemill_flush(struct casemill *client) {
    client_check(client);
    if (client->open_count == 0) {
        return CASEMILL_OK;
    }
    if (!casemill_has_room(client)) {
        return CASEMILL_AGAIN;
    }
    close_open(client);
    return CASEMILL_OK;
}

static bool is_one_map(struct span bytes) {
    size_t at = 0;
    struct walk_item item;
    if (walk_next(bytes, &at, &item) != ERR_OK || item.type != WALK_MAP) {
        return false;
    }
    at = 0;
    return walk_value(bytes, &at) == ERR_OK && at == bytes.len;
}

enum casemill_result casemill_submit(struct casemill *client, const void *bytes, size_t len) {
    client_check(client);
    struct span one = span_make(bytes, len);
    if (len > client->options.batch_bytes_max || !is_one_map(one)) {
        return CASEMILL_INVALID;
    }
    bool is_full = client->open_count == client->options.batch_cases_max ||
                   client->open_body.len + len > client->options.batch_bytes_max;
    if (is_full) {
        enum casemill_result result = casemill_flush(client);
        if (result != CASEMILL_OK) {
            return result;
        }
    }
    if (client->open_count == 0) {
        client->open_since_ms = clock_mono_ms();
    }
    buf_append(&client->open_body, one);
    client->open_count++;
    return CASEMILL_OK;
}

enum casemill_result casemill_submit_batch(struct casemill *client,
                                           const struct casemill_batch *batch) {
    client_check(client);
    if (batch->count == 0 || batch->count > WIRE_CASES_MAX || batch->body_bytes == 0 ||
        batch->body_bytes > WIRE_BODY_BYTES_MAX) {
        return CASEMILL_INVALID;
    }
    if (!casemill_has_room(client)) {
        return CASEMILL_AGAIN;
    }
    struct buf body = BUF_EMPTY;
    buf_append(&body, span_make(batch->body, batch->body_bytes));
    add_batch(client, batch, &body);
    return CASEMILL_OK;
}

static enum err send_head(struct casemill *client, const struct wire_message *message,
                          struct span body) {
    struct net_part parts[2];
    uint32_t count = 1;
    buf_clear(&client->head);
    wire_encode(message, &client->head);
    net_part_copy(&parts[0], buf_span(&client->head));
    if (body.len > 0) {
        net_part_copy(&parts[1], body);
        count = 2;
    }
    return net_send(links_current(&client->links)->socket, NULL, parts, count);
}

/* Large batches are sent as rows.  A batch that was sent as maps stays maps, because a broker may
 * have it: the same id with another body would be refused. */
static bool goes_as_rows(struct casemill *client, const struct batch *batch) {
    return !batch->stays_maps && batch->count >= TO_ROWS_CASES_MIN &&
           !links_current(&client->links)->refuses_rows &&
           to_rows_write(&client->to_rows, buf_span(&batch->body), batch->count);
}

static enum err send_submit(struct casemill *client, struct batch *batch) {
    bool is_rows = goes_as_rows(client, batch);
    struct wire_message message = {
        .command = is_rows ? WIRE_ROWS : WIRE_SUBMIT,
        .submit = {.batch = batch->id,
                   .count = batch->count,
                   .ack = client->options.ack == CASEMILL_ACK_OUTCOME ? WIRE_ACK_OUTCOME
                                                                      : WIRE_ACK_JOURNAL,
                   .priority = (enum wire_priority)client->options.priority,
                   .coalesce = true,
                   .source = buf_span(&client->source),
                   .results = client->options.results}};
    enum err err =
        send_head(client, &message, buf_span(is_rows ? &client->to_rows.body : &batch->body));
    if (err == ERR_OK) {
        batch->is_sent_as_rows = is_rows;
        batch->stays_maps = !is_rows;
    }
    return err;
}

static enum err send_query(struct casemill *client, const struct batch *batch) {
    struct wire_message message = {.command = WIRE_QUERY,
                                   .query = {.batch = batch->id,
                                             .source = buf_span(&client->source),
                                             .coalesce = true,
                                             .results = client->options.results}};
    return send_head(client, &message, SPAN_LIT(""));
}

/* Every broker accepts a batch of WIRE_BODY_BYTES_SURE.  Before a larger one the client asks the
 * broker for its limit, once per connection: a frame far above it would end the connection without
 * a reply.  Errors: ERR_AGAIN its PONG is awaited, ERR_TOO_LARGE this broker never accepts it. */
static enum err check_size(struct casemill *client, const struct batch *batch, int64_t now_ms) {
    struct link *link = links_current(&client->links);
    if (batch->body.len <= WIRE_BODY_BYTES_SURE) {
        return ERR_OK;
    }
    if (link->body_bytes_max > 0) {
        return batch->body.len <= link->body_bytes_max ? ERR_OK : ERR_TOO_LARGE;
    }
    if (!link->is_pinged) {
        struct wire_message message = {.command = WIRE_PING};
        link->is_pinged = send_head(client, &message, SPAN_LIT("")) == ERR_OK;
        link->asked_ms = link->asked_ms == 0 ? now_ms : link->asked_ms;
    }
    return ERR_AGAIN;
}

/* Sends the next batch, or settles it as refused.  Errors: ERR_AGAIN. */
static enum err send_next(struct casemill *client, int64_t now_ms) {
    struct batch *batch = client->window.to_send.first;
    enum err err = check_size(client, batch, now_ms);
    if (err == ERR_TOO_LARGE) {
        receipt_too_large(client, batch, links_current(&client->links)->body_bytes_max);
        return ERR_OK;
    }
    err = err == ERR_OK ? send_submit(client, batch) : err;
    if (err == ERR_OK) {
        window_await(&client->window, batch, BATCH_SENT, now_ms);
    }
    return err;
}

/* Sends what is due and asks about silent batches.  A full socket ends the round. */
static void pump(struct casemill *client, int64_t now_ms) {
    struct window *window = &client->window;
    enum err err = ERR_OK;
    while (err == ERR_OK && window->to_send.first != NULL &&
           links_can_send(&client->links, now_ms)) {
        err = send_next(client, now_ms);
    }
    struct link *link = links_current(&client->links);
    while (err == ERR_OK && link->connect_count > 0 && window->waiting.first != NULL &&
           now_ms - window->waiting.first->waiting_since_ms > client->options.quiet_ms) {
        struct batch *batch = window->waiting.first;
        err = send_query(client, batch);
        link->asked_ms = link->asked_ms == 0 ? now_ms : link->asked_ms;
        window_await(window, batch, batch->state, now_ms);
    }
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/* How long a poll may last before something else is due. */
static int64_t poll_ms(struct casemill *client, int64_t timeout_ms, int64_t now_ms) {
    int64_t due = timeout_ms;
    if (client->open_count > 0 && client->options.linger_ms >= 0) {
        due = min64(due, client->open_since_ms + client->options.linger_ms - now_ms);
    }
    if (client->window.to_send.first != NULL) { /* held back by BUSY, a full socket, or none */
        const struct link *link = links_current(&client->links);
        int64_t wait_ms = link->busy_until_ms - now_ms;
        bool is_up = client->links.count == 1 || link->down_since_ms == 0;
        due = min64(due, wait_ms > 1 ? wait_ms : is_up ? 1 : CONNECT_STEP_MS);
    }
    due = min64(due, STEP_MS); /* a reconnect is noticed in that time */
    return due > 0 ? due : 0;
}

static void receive(struct casemill *client, struct link *link, int64_t now_ms) {
    for (int i = 0; i < RECEIPTS_A_STEP && !client->is_failed; i++) {
        struct net_message message;
        if (net_recv(link->socket, &message) != ERR_OK) {
            return;
        }
        if (message.part_count > 0) {
            struct span body =
                message.part_count > 1 ? net_part_span(&message.parts[1]) : SPAN_LIT("");
            receipt_take(client, link, net_part_span(&message.parts[0]), body, now_ms);
        }
        net_message_close(&message);
    }
}

static void turn(struct casemill *client, int64_t now_ms) {
    if (links_turn(&client->links, now_ms)) {
        window_send_all_again(&client->window);
    }
    bool lingered = client->open_count > 0 && client->options.linger_ms >= 0 &&
                    now_ms - client->open_since_ms >= client->options.linger_ms;
    if (lingered && casemill_has_room(client)) {
        close_open(client);
    }
    pump(client, now_ms);
}

enum casemill_result casemill_step(struct casemill *client, int64_t timeout_ms) {
    client_check(client);
    if (client->is_failed) {
        return CASEMILL_FAILED;
    }
    int64_t now_ms = clock_mono_ms();
    turn(client, now_ms);
    struct net_poll_item items[LINKS_MAX] = {0};
    struct link *polled[LINKS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < client->links.count; i++) {
        if (client->links.items[i].socket != NULL) {
            polled[count] = &client->links.items[i];
            items[count].socket = polled[count]->socket;
            count++;
        }
    }
    if (net_poll(items, count, poll_ms(client, timeout_ms, now_ms)) != ERR_OK) {
        client->is_failed = true;
        return CASEMILL_FAILED;
    }
    bool has_received = false;
    now_ms = clock_mono_ms();
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].ready) {
            receive(client, polled[i], now_ms);
            has_received = true;
        }
    }
    if (has_received) {
        turn(client, now_ms);
    }
    client_check(client);
    return client->is_failed ? CASEMILL_FAILED : CASEMILL_OK;
}

enum casemill_result casemill_wait(struct casemill *client, int64_t deadline_ms) {
    int64_t end_ms = clock_mono_ms() + deadline_ms;
    for (;;) {
        bool is_flushed = casemill_flush(client) == CASEMILL_OK;
        if (is_flushed && client->window.count == 0) {
            return CASEMILL_OK;
        }
        int64_t left_ms = deadline_ms < 0 ? STEP_MS : end_ms - clock_mono_ms();
        if (left_ms <= 0) {
            return CASEMILL_TIMEOUT;
        }
        if (casemill_step(client, min64(left_ms, STEP_MS)) != CASEMILL_OK) {
            return CASEMILL_FAILED;
        }
    }
}

bool casemill_was_connected(const struct casemill *client) { return client->links.was_connected; }

const char *casemill_fault(struct casemill *client) { return links_fault(&client->links); }

void casemill_ask(struct casemill *client) {
    int64_t now_ms = clock_mono_ms();
    struct link *link = links_current(&client->links);
    bool is_up = link->socket != NULL && net_is_connected(link->socket);
    if (!is_up || now_ms - link->pinged_ms < ASK_MS) {
        return; /* an answer to a question queued now would be much too late */
    }
    struct wire_message message = {.command = WIRE_PING};
    if (send_head(client, &message, SPAN_LIT("")) == ERR_OK) {
        link->pinged_ms = now_ms;
        link->asked_ms = link->asked_ms == 0 ? now_ms : link->asked_ms;
    }
}

void casemill_state(struct casemill *client, struct casemill_state *state) {
    int64_t now_ms = clock_mono_ms();
    struct link *link = links_current(&client->links);
    int64_t unanswered_ms = link->asked_ms == 0 ? 0 : now_ms - link->asked_ms;
    bool waits = link->busy != NULL && link->busy_until_ms > now_ms;
    *state = (struct casemill_state){
        .is_connected = link->socket != NULL && net_is_connected(link->socket),
        .received_ms = link->received_ms == 0 ? -1 : now_ms - link->received_ms,
        .busy = link->busy,
        .retry_ms = waits ? link->busy_until_ms - now_ms : 0,
        .unready = link->has_state ? buf_cstr(&link->unready) : NULL,
        .queued_cases = link->has_state ? link->queued_cases : 0,
        .unanswered_ms = unanswered_ms};
}

const char *casemill_broker(struct casemill *client) {
    return buf_cstr(&links_current(&client->links)->endpoint);
}
