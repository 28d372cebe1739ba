/* Core dumps would hold case bodies, so they are off. */
#include "base/process.h"

#include "base/check.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif
#else
enum { IS_SANITIZED = 0 };
#endif

bool process_is_sanitized(void) { return IS_SANITIZED != 0; }

void process_keep_memory(void) {
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
    CHECK(IS_SANITIZED || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}
