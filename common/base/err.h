/* Purpose: the closed table of errors.  Each row: name, what the queue does about it, text.
 * RETRY: the same call may succeed later.  REJECT: this input never will.  FATAL: stop the program.
 */
#ifndef CASEMILL_BASE_ERR_H
#define CASEMILL_BASE_ERR_H

#define ERR_TABLE(ROW)                                                                             \
    ROW(OK, RETRY, "no error")                                                                     \
    ROW(AGAIN, RETRY, "not now, try again")                                                        \
    ROW(TIMEOUT, RETRY, "timed out")                                                               \
    ROW(BUSY, RETRY, "busy")                                                                       \
    ROW(CONNECTION, RETRY, "connection lost or refused")                                           \
    ROW(NOT_FOUND, REJECT, "not found")                                                            \
    ROW(INVALID, REJECT, "invalid input")                                                          \
    ROW(TRUNCATED, REJECT, "input ends too early")                                                 \
    ROW(TRAILING, REJECT, "bytes left over")                                                       \
    ROW(TOO_DEEP, REJECT, "nested too deeply")                                                     \
    ROW(TOO_LARGE, REJECT, "larger than its limit")                                                \
    ROW(SIZE_BOMB, REJECT, "claims more elements than there are bytes")                            \
    ROW(UNKNOWN, REJECT, "unknown name")                                                           \
    ROW(VERSION, REJECT, "unknown version")                                                        \
    ROW(CONFLICT, REJECT, "conflicts with what is stored")                                         \
    ROW(FULL, RETRY, "no room left")                                                               \
    ROW(DENIED, REJECT, "not allowed")                                                             \
    ROW(IO, FATAL, "input or output failed")                                                       \
    ROW(CORRUPT, FATAL, "stored data is damaged")                                                  \
    ROW(SYSTEM, FATAL, "system call failed")

enum err {
#define ERR_ENUM(name, class, text) ERR_##name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

enum err_class { ERR_CLASS_RETRY, ERR_CLASS_REJECT, ERR_CLASS_FATAL };

/* All three accept any value of enum err; the results are static strings or enum values. */
const char *err_name(enum err err);
const char *err_text(enum err err);
enum err_class err_class(enum err err);

#endif
