/* Head frames of the protocol, as every socket and direction would read them. Any bytes are
 * decoded or refused with a reason, and a decoded head encodes to bytes that decode to the same. */
#include "fuzz.h"
#include "wire/wire.h"

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024 };

static void again(const struct wire_message *message, enum wire_socket socket,
                  enum wire_direction direction) {
    struct buf once = BUF_EMPTY;
    struct buf twice = BUF_EMPTY;
    struct wire_message second;
    struct wire_decode_fault fault;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    wire_encode(message, &once);
    CHECK(wire_decode(buf_span(&once), socket, direction, &arena, &second, &fault) == ERR_OK);
    CHECK(second.command == message->command);
    wire_encode(&second, &twice);
    CHECK(span_eq(buf_span(&once), buf_span(&twice)));
    arena_free(&arena);
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    for (int i = 0; i < 6; i++) {
        enum wire_socket socket = (enum wire_socket)(i / 2);
        enum wire_direction direction = (enum wire_direction)(i % 2);
        struct arena arena;
        arena_init(&arena, ARENA_BYTES_MAX);
        struct wire_message message;
        struct wire_decode_fault fault = {0};
        enum err err =
            wire_decode(span_make(bytes, len), socket, direction, &arena, &message, &fault);
        if (err == ERR_OK) {
            again(&message, socket, direction);
        } else {
            CHECK(fault.reason != WIRE_REASON_NONE);
        }
        arena_free(&arena);
    }
    return 0;
}
