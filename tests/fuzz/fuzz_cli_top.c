/* The replies of a broker on its control socket, and what `casemill top` shows of them. The
 * input is parts, each after its be16 length: the head frames of the replies to STATUS, WORKERS
 * and SOURCES, once and once again for rates. A page has lines without control characters that
 * fit the terminal, and the JSON is JSON. */
#include "cli/control_ask.h"
#include "cli/top/view.h"
#include "fuzz.h"

enum { COLUMNS = 80, LINES = 24, NOW_MS = 5000 };

/* Takes one head frame, as it came or, since no chance finds a frame, as the JSON of one. */
static enum err answer_read(struct span part, struct buf *json, struct diag *diag) {
    if (part.len > 0 && part.ptr[0] != '{' && part.ptr[0] != '[') {
        return control_read(part, json, diag);
    }
    struct buf head = BUF_EMPTY;
    struct wire_message message = {.command = WIRE_CONTROL_REPLY,
                                   .control_reply = {.ok = true, .json = part}};
    wire_encode(&message, &head);
    enum err err = control_read(buf_span(&head), json, diag);
    buf_free(&head);
    return err;
}

/* As top_poll.c takes an answer. */
static json_t *answer_load(struct span part, bool is_object, char fault[DIAG_TEXT_MAX]) {
    struct buf json = BUF_EMPTY;
    struct diag diag = {0};
    json_t *answer = NULL;
    if (answer_read(part, &json, &diag) == ERR_OK) {
        answer = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
    } else {
        CHECK(diag.text[0] != '\0');
        memcpy(fault, diag.text, DIAG_TEXT_MAX);
    }
    buf_free(&json);
    if (is_object ? !json_is_object(answer) : !json_is_array(answer)) {
        json_decref(answer);
        answer = NULL;
    }
    return answer;
}

static void lines_check(const struct buf *out, size_t columns) {
    size_t in_line = 0;
    CHECK(out->len > 0 && out->ptr[out->len - 1] == '\n');
    for (size_t i = 0; i < out->len; i++) {
        uint8_t byte = out->ptr[i];
        CHECK(byte == '\n' || (byte >= 0x20 && byte != 0x7f));
        CHECK(byte != 0xc2 || i + 1 == out->len || out->ptr[i + 1] > 0x9f);
        in_line = byte == '\n' ? 0 : in_line + ((byte & 0xc0) != 0x80 ? 1 : 0);
        CHECK(columns == 0 || in_line <= columns);
    }
}

static void views_check(const struct top_broker *broker) {
    const struct top_size sizes[] = {{0, 0}, {LINES, COLUMNS}, {1, 1}};
    struct buf out = BUF_EMPTY;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        buf_clear(&out);
        top_view_page(broker, 1, NOW_MS, &sizes[i], &out);
        lines_check(&out, sizes[i].columns);
    }
    buf_clear(&out);
    top_view_line(broker, 0, &out);
    lines_check(&out, 0);
    CHECK(memchr(out.ptr, '\n', out.len) == out.ptr + out.len - 1);
    buf_clear(&out);
    top_view_json(broker, 1, 0, &out);
    json_t *root = json_loadb((const char *)out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    CHECK(json_is_object(root));
    json_decref(root);
    buf_free(&out);
}

static struct span next_part(struct span bytes, size_t *at) {
    if (bytes.len - *at < 2) {
        return SPAN_LIT("");
    }
    size_t len = get_be16(bytes.ptr + *at);
    *at += 2;
    len = len < bytes.len - *at ? len : bytes.len - *at;
    *at += len;
    return span_make(bytes.ptr + *at - len, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    char endpoint[] = "ipc:///run/casemill/control.sock";
    struct top_broker broker = {.endpoint = endpoint, .is_fresh = true};
    struct top_sample *samples[] = {&broker.now, &broker.before};
    size_t at = 0;
    for (size_t k = 0; k < COUNT_OF(samples); k++) {
        bool is_whole = true;
        samples[k]->at_ms = k == 0 ? 2000 : 1000;
        for (int i = 0; i < TOP_ANSWERS; i++) {
            struct span part = next_part(span_make(bytes, len), &at);
            samples[k]->answers[i] = answer_load(part, i == TOP_STATUS, broker.fault);
            is_whole = is_whole && samples[k]->answers[i] != NULL;
        }
        for (int i = 0; !is_whole && i < TOP_ANSWERS; i++) { /* none at all, as top_poll.c has it */
            json_decref(samples[k]->answers[i]);
            samples[k]->answers[i] = NULL;
        }
        broker.is_fresh = broker.is_fresh && (is_whole || k > 0);
    }
    views_check(&broker);
    broker.is_fresh = false; /* shows the last answer, and why there is no newer one */
    views_check(&broker);
    for (size_t k = 0; k < COUNT_OF(samples); k++) {
        for (int i = 0; i < TOP_ANSWERS; i++) {
            json_decref(samples[k]->answers[i]);
        }
    }
    return 0;
}
