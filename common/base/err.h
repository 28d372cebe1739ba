/* Purpose: the closed table of errors.  Each row: name, text. */
#ifndef CASEMILL_BASE_ERR_H
#define CASEMILL_BASE_ERR_H

#define ERR_TABLE(ROW)                                                                             \
    ROW(OK, "no error")                                                                            \
    ROW(AGAIN, "not now, try again")                                                               \
    ROW(TIMEOUT, "timed out")                                                                      \
    ROW(BUSY, "busy")                                                                              \
    ROW(CONNECTION, "connection lost or refused")                                                  \
    ROW(NOT_FOUND, "not found")                                                                    \
    ROW(INVALID, "invalid input")                                                                  \
    ROW(TRUNCATED, "input ends too early")                                                         \
    ROW(TRAILING, "bytes left over")                                                               \
    ROW(TOO_DEEP, "nested too deeply")                                                             \
    ROW(TOO_LARGE, "larger than its limit")                                                        \
    ROW(SIZE_BOMB, "claims more elements than there are bytes")                                    \
    ROW(UNKNOWN, "unknown name")                                                                   \
    ROW(VERSION, "unknown version")                                                                \
    ROW(CONFLICT, "conflicts with what is stored")                                                 \
    ROW(FULL, "no room left")                                                                      \
    ROW(DENIED, "not allowed")                                                                     \
    ROW(IO, "input or output failed")                                                              \
    ROW(CORRUPT, "stored data is damaged")                                                         \
    ROW(SYSTEM, "system call failed")

enum err {
#define ERR_ENUM(name, text) ERR_##name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

/* Both accept any value of enum err; the results are static strings. */
const char *err_name(enum err err);
const char *err_text(enum err err);

#endif
