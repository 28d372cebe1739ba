/* The main of a fuzz target in builds without libFuzzer: gives it each file of the folders named,
 * and fails by the target's own CHECK.  Usage: TARGET FOLDER...; a folder that is not there is
 * empty. */
#include "base/io.h"
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_BYTES_MAX = 16 * 1024 * 1024 };

static bool replay_file(const char *path) {
    struct buf bytes = BUF_EMPTY;
    struct diag diag = {0};
    bool is_read = io_read_file(path, INPUT_BYTES_MAX, &bytes, &diag) == ERR_OK;
    if (is_read) {
        /* A copy of the exact size, so that a sanitizer sees one byte too many. */
        uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
        CHECK(copy != NULL);
        if (bytes.len != 0) {
            memcpy(copy, bytes.ptr, bytes.len);
        }
        (void)LLVMFuzzerTestOneInput(copy, bytes.len);
        free(copy);
    } else {
        (void)fprintf(stderr, "replay: %s\n", diag.text);
    }
    buf_free(&bytes);
    return is_read;
}

int main(int argc, char **argv) {
    unsigned long played = 0;
    unsigned long unread = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        const struct dirent *entry = folder == NULL ? NULL : readdir(folder);
        for (; entry != NULL; entry = readdir(folder)) {
            char path[4096];
            (void)snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.') {
                bool is_read = replay_file(path);
                played += is_read ? 1 : 0;
                unread += is_read ? 0 : 1;
            }
        }
        if (folder != NULL) {
            (void)closedir(folder);
        }
    }
    printf("%lu inputs replayed\n", played);
    return unread == 0 && played != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
