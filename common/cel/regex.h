/* Purpose: the only interface to RE2, which is C++.  Patterns match anywhere in the text; running
 * time is linear in it, whatever the pattern. */
#ifndef CASEMILL_CEL_REGEX_H
#define CASEMILL_CEL_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct regex;
/* regex_new returns NULL when the pattern is no regular expression; freed by regex_free. */
struct regex *regex_new(const char *pattern, size_t bytes);
void regex_free(struct regex *regex);
/* regex_matches may be called by many threads at once. */
bool regex_matches(const struct regex *regex, const char *text, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
