/* Every number of the protocol, in every command: a value outside its range is refused or
 * clamped when it is decoded, and README.md has the same ranges. */
#include "base/io.h"
#include "wire/mp_write.h"
#include "wire/walk.h"
#include "wire/wire_priv.h"

#include <check.h>
#include <stdio.h>

static const struct {
    const char *name;
    int64_t least, most;
    const char *outside;
} NUMBERS[] = {
#define ROW(name, least, most, outside) [WIRE_NUMBER_##name] = {#name, (least), (most), #outside},
    WIRE_NUMBERS(ROW)
#undef ROW
};

static uint32_t checked; /* numbers that were compared with their range */

static void expect_in_range(enum wire_number number, uint64_t value) {
    ck_assert_msg(value <= (uint64_t)NUMBERS[number].most &&
                      (int64_t)value >= NUMBERS[number].least,
                  "%s: %llu", NUMBERS[number].name, (unsigned long long)value);
    checked++;
}

static void expect_ranges(const struct wire_range *ranges, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        expect_in_range(WIRE_NUMBER_SEQ, ranges[i].seq);
        expect_in_range(WIRE_NUMBER_CASES, (uint64_t)ranges[i].first + ranges[i].count);
    }
}

static void expect_deliveries(const struct wire_delivery *deliveries, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct wire_delivery *delivery = &deliveries[i];
        expect_in_range(WIRE_NUMBER_SEQ, delivery->seq);
        expect_in_range(WIRE_NUMBER_BATCH_CASES, delivery->count);
        expect_in_range(WIRE_NUMBER_CASES, (uint64_t)delivery->first + delivery->count);
        expect_in_range(WIRE_NUMBER_FRAME, delivery->frame);
        expect_in_range(WIRE_NUMBER_FRAME_BYTES, (uint64_t)delivery->offset + delivery->length);
        expect_in_range(WIRE_NUMBER_ATTEMPT, delivery->attempt);
        ck_assert_int_ge(delivery->accepted_at, 0);
        expect_in_range(WIRE_NUMBER_TIME_US, (uint64_t)delivery->accepted_at);
        expect_in_range(WIRE_NUMBER_NAMES, delivery->names);
    }
}

static void expect_fields(const struct wire_field *fields, uint32_t count, const uint8_t *base);

static void expect_elements(const struct wire_field *field, const uint8_t *base, size_t bytes) {
    uint32_t count = *(const uint32_t *)(const void *)(base + field->side);
    const uint8_t *element = *(const uint8_t *const *)(const void *)(base + field->at);
    for (uint32_t i = 0; i < count; i++) {
        expect_fields(field->fields, field->field_count, element + i * bytes);
    }
}

static void expect_field(const struct wire_field *field, const uint8_t *base) {
    const void *at = base + field->at;
    bool is_absent = field->need == NEED_HAS && !*(const bool *)(const void *)(base + field->side);
    if (is_absent) {
        return;
    }
    if (field->kind == KIND_U32) {
        expect_in_range(field->number, *(const uint32_t *)at);
    } else if (field->kind == KIND_U64) {
        expect_in_range(field->number, *(const uint64_t *)at);
    } else if (field->kind == KIND_I64) {
        ck_assert_int_ge(*(const int64_t *)at, 0);
        expect_in_range(field->number, *(const uint64_t *)at);
    } else if (field->kind == KIND_OUTCOMES) {
        for (uint32_t i = 0; i < WIRE_DISPOSITIONS; i++) {
            expect_in_range(field->number, ((const uint32_t *)at)[i]);
        }
    } else if (field->kind == KIND_FIELDS) {
        expect_fields(field->fields, field->field_count, base);
    } else if (field->kind == KIND_MAPS) {
        expect_elements(field, base, field->element_bytes);
    } else if (field->kind == KIND_TUPLES && field->element_bytes == sizeof(struct wire_range)) {
        expect_ranges(*(const struct wire_range *const *)at,
                      *(const uint32_t *)(const void *)(base + field->side));
    } else if (field->kind == KIND_TUPLES && field->element_bytes == sizeof(struct wire_names)) {
        const struct wire_names *names = *(const struct wire_names *const *)at;
        uint32_t count = *(const uint32_t *)(const void *)(base + field->side);
        for (uint32_t i = 0; i < count; i++) {
            expect_in_range(WIRE_NUMBER_FRAME, names[i].frame);
            expect_in_range(WIRE_NUMBER_FRAME_BYTES, (uint64_t)names[i].offset + names[i].length);
        }
    } else if (field->kind == KIND_TUPLES) {
        ck_assert_uint_eq(field->element_bytes, sizeof(struct wire_delivery));
        expect_deliveries(*(const struct wire_delivery *const *)at,
                          *(const uint32_t *)(const void *)(base + field->side));
    }
}

/* A number that is left out keeps the initial value of the struct. The beat of a WELCOME and the
 * count of a batch are never left out, and an absent time is 0. */
static void expect_fields(const struct wire_field *fields, uint32_t count, const uint8_t *base) {
    for (uint32_t i = 0; i < count; i++) {
        expect_field(&fields[i], base);
    }
}

static uint8_t digit(char hex) { return (uint8_t)(hex <= '9' ? hex - '0' : hex - 'a' + 10); }

/* The bytes of a golden file: hexadecimal digits, and a comment behind `#` on each line. */
static void read_golden(const char *name, struct buf *bytes) {
    char path[128];
    struct buf text = BUF_EMPTY;
    struct diag diag;
    (void)snprintf(path, sizeof(path), "tests/data/wire/%s.hex", name);
    ck_assert_msg(io_read_file(path, 1 << 20, &text, &diag) == ERR_OK, "%s", diag.text);
    bool is_comment = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        is_comment = c == '#' || (is_comment && c != '\n');
        if (!is_comment && c != ' ' && c != '\n') {
            buf_byte(bytes, (uint8_t)(digit(c) << 4 | digit((char)text.ptr[i + 1])));
            i++;
        }
    }
    buf_free(&text);
}

static const struct {
    const char *name;
    enum wire_socket socket;
    enum wire_direction direction;
    uint32_t integers; /* that its golden file holds */
} GOLDEN[] = {
    {"submit", WIRE_INTAKE, WIRE_TO_BROKER, 1},
    {"accepted", WIRE_INTAKE, WIRE_FROM_BROKER, 3},
    {"done", WIRE_INTAKE, WIRE_FROM_BROKER, 7},
    {"refused", WIRE_INTAKE, WIRE_FROM_BROKER, 2},
    {"busy", WIRE_INTAKE, WIRE_FROM_BROKER, 1},
    {"status_done", WIRE_INTAKE, WIRE_FROM_BROKER, 7},
    {"ready", WIRE_WORKER, WIRE_TO_BROKER, 8},
    {"lane_done", WIRE_WORKER, WIRE_TO_BROKER, 14},
    {"failed", WIRE_WORKER, WIRE_TO_BROKER, 6},
    {"return", WIRE_WORKER, WIRE_TO_BROKER, 6},
    {"lane_beat", WIRE_WORKER, WIRE_TO_BROKER, 2},
    {"welcome", WIRE_WORKER, WIRE_FROM_BROKER, 3},
    {"work", WIRE_WORKER, WIRE_FROM_BROKER, 19},
    {"bury", WIRE_WORKER, WIRE_FROM_BROKER, 9},
    {"work_rows", WIRE_WORKER, WIRE_FROM_BROKER, 22},
    {"ready_rows", WIRE_WORKER, WIRE_TO_BROKER, 2},
    {"rows", WIRE_INTAKE, WIRE_TO_BROKER, 1},
    {"pong_ready", WIRE_INTAKE, WIRE_FROM_BROKER, 1},
    {"reapply", WIRE_CONTROL_SOCKET, WIRE_TO_BROKER, 1},
    {"retry", WIRE_CONTROL_SOCKET, WIRE_TO_BROKER, 1},
};

/* What a peer may put in a number's place: the edges of each range, and those of each width. */
static size_t lies(struct buf *all) {
    for (size_t i = 1; i < COUNT_OF(NUMBERS); i++) {
        for (int64_t by = -1; by <= 1; by++) {
            mp_write_int(all, NUMBERS[i].least + by);
            mp_write_int(all, NUMBERS[i].most + by);
        }
    }
    const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, INT32_MIN, -1, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        mp_write_int(all, edges[i]);
    }
    mp_write_uint(all, (uint64_t)INT64_MAX + 1);
    mp_write_uint(all, UINT64_MAX);
    return (COUNT_OF(NUMBERS) - 1) * 6 + COUNT_OF(edges) + 2;
}

START_TEST(no_number_gets_past_its_range) {
    struct buf head = BUF_EMPTY;
    struct buf told = BUF_EMPTY;
    struct buf again = BUF_EMPTY;
    struct buf values = BUF_EMPTY;
    struct arena arena;
    struct wire_message message;
    struct wire_decode_fault fault;
    struct walk_item item;
    uint32_t integers = 0;
    uint32_t refused = 0;
    size_t count = lies(&values);
    arena_init(&arena, 1 << 20);
    read_golden(GOLDEN[_i].name, &head);
    for (size_t at = 0, next = 0; at < head.len; at = next) {
        ck_assert_int_eq(walk_next(buf_span(&head), &next, &item), ERR_OK);
        if (item.type != WALK_UINT && item.type != WALK_INT) {
            continue;
        }
        integers++;
        for (size_t lie = 0, from = 0, to = 0; lie < count; lie++, from = to) {
            ck_assert_int_eq(walk_next(buf_span(&values), &to, &item), ERR_OK);
            buf_clear(&told);
            buf_append(&told, span_make(head.ptr, at));
            buf_append(&told, span_make(values.ptr + from, to - from));
            buf_append(&told, span_make(head.ptr + next, head.len - next));
            arena_reset(&arena);
            if (wire_decode(buf_span(&told), GOLDEN[_i].socket, GOLDEN[_i].direction, &arena,
                            &message, &fault) != ERR_OK) {
                ck_assert_int_eq(fault.reason, WIRE_REASON_BAD_HEADER);
                refused++;
                continue;
            }
            const struct wire_shape *shape = wire_shape(message.command);
            expect_fields(shape->fields, shape->field_count, (uint8_t *)&message + shape->at);
            buf_clear(&again);
            wire_encode(&message, &again); /* an accepted value may be sent again */
        }
    }
    ck_assert_uint_eq(integers, GOLDEN[_i].integers);
    ck_assert_uint_gt(checked, integers);
    ck_assert_msg(refused > 0 || strcmp(GOLDEN[_i].name, "welcome") == 0 ||
                      strncmp(GOLDEN[_i].name, "pong", 4) == 0 ||
                      strcmp(GOLDEN[_i].name, "busy") == 0 ||
                      strcmp(GOLDEN[_i].name, "accepted") == 0,
                  "nothing is refused");
    arena_free(&arena);
    buf_free(&head);
    buf_free(&told);
    buf_free(&again);
    buf_free(&values);
}
END_TEST

START_TEST(a_number_is_clamped_or_refused) {
    int64_t taken = 7;
    ck_assert_int_eq(wire_number_take(WIRE_NUMBER_BEAT_MS, INT64_MAX, &taken), ERR_OK);
    ck_assert_int_eq(taken, 60000);
    ck_assert_int_eq(wire_number_take(WIRE_NUMBER_BEAT_MS, INT64_MIN, &taken), ERR_OK);
    ck_assert_int_eq(taken, 10);
    ck_assert_int_eq(wire_number_take(WIRE_NUMBER_SEQ, INT64_MAX, &taken), ERR_INVALID);
    ck_assert_int_eq(wire_number_take(WIRE_NUMBER_TIME_US, -1, &taken), ERR_INVALID);
    ck_assert_int_eq(taken, 10);
}
END_TEST

/* README.md has a row for each number, as the program has it. */
START_TEST(the_page_has_the_ranges) {
    struct buf page = BUF_EMPTY;
    struct diag diag;
    ck_assert_int_eq(io_read_file("common/wire/README.md", 1 << 20, &page, &diag), ERR_OK);
    for (size_t i = 1; i < COUNT_OF(NUMBERS); i++) {
        char row[128];
        (void)snprintf(row, sizeof(row), "\n| %s | %lld | %lld | %s |", NUMBERS[i].name,
                       (long long)NUMBERS[i].least, (long long)NUMBERS[i].most, NUMBERS[i].outside);
        for (char *at = row; *at != '\0'; at++) {
            *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 'a' - 'A') : *at;
        }
        ck_assert_msg(strstr(buf_cstr(&page), row) != NULL, "not in README.md: %s", row + 1);
    }
    buf_free(&page);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wire_numbers");
    TCase *cases = tcase_create("wire_numbers");
    tcase_add_loop_test(cases, no_number_gets_past_its_range, 0, (int)COUNT_OF(GOLDEN));
    tcase_add_test(cases, a_number_is_clamped_or_refused);
    tcase_add_test(cases, the_page_has_the_ranges);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
