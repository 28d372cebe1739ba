/* Purpose: a TCP connection with a protocol of lines and counted bytes, for beanstalkd and NATS.
 * Ownership: spans point into the connection, until lines_fill.
 * Errors: ERR_CONNECTION it is closed, or could not be opened. */
#ifndef CASEMILL_TESTS_BENCH_BENCH_PEER_LINES_H
#define CASEMILL_TESTS_BENCH_BENCH_PEER_LINES_H

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"

struct lines {
    int fd;
    struct buf in, out;
    size_t at; /* of in: the first byte that was not read */
};

/* address: HOST:PORT, the host as a number. */
MUST_USE enum err lines_open(struct lines *lines, const char *address);
void lines_close(struct lines *lines);
/* lines_flush writes all of `out`; it waits for room in the socket. */
MUST_USE enum err lines_flush(struct lines *lines);
/* lines_fill reads what is there; with wait it waits for the first byte. */
MUST_USE enum err lines_fill(struct lines *lines, bool wait);
/* lines_peek is the next whole line without its CR LF; false: it has not arrived. */
bool lines_peek(const struct lines *lines, struct span *line);
/* lines_take takes the line of lines_peek, and if bytes is not NULL the `count` bytes and CR LF
 * behind it; false: they have not arrived, and nothing is taken. */
bool lines_take(struct lines *lines, struct span line, uint64_t count, struct span *bytes);
/* lines_word is word number n of a line, from 0; empty if there are fewer.  One or more spaces are
 * between two words. */
struct span lines_word(struct span line, uint32_t n);
/* lines_number is a word as a number, 0 if it is none. */
uint64_t lines_number(struct span word);

#endif
