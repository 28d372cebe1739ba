/* A C interface to RE2; no exception leaves this file, since RE2 is built without them. */
#include "cel/regex.h"

#include <re2/re2.h>

struct regex {
    re2::RE2 re2;
    regex(const re2::StringPiece &pattern, const re2::RE2::Options &options)
        : re2(pattern, options) {}
};

enum { REGEX_BYTES_MAX = 1 << 20 };

struct regex *regex_new(const char *pattern, size_t bytes) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(REGEX_BYTES_MAX);
    struct regex *made = new regex(re2::StringPiece(pattern, bytes), options);
    if (!made->re2.ok()) {
        delete made;
        return nullptr;
    }
    return made;
}

void regex_free(struct regex *regex) { delete regex; }

bool regex_matches(const struct regex *regex, const char *text, size_t bytes) {
    return re2::RE2::PartialMatch(re2::StringPiece(text, bytes), regex->re2);
}
