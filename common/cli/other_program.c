/* See other_program.h. */
#include "cli/other_program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_FOUND = 127, PIECE_BYTES = 4096, OUTPUT_BYTES_MAX = 1 << 20 };

struct pipes {
    int out[2], err[2]; /* -1: none */
};

static void find_beside(const char *program, char path[PATH_MAX]) {
    ssize_t got = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[got < 0 ? 0 : got] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = slash == NULL ? 0 : (size_t)(PATH_MAX - (slash + 1 - path));
    if (room > strlen(program)) {
        (void)snprintf(slash + 1, room, "%s", program);
    }
}

static void exec_program(const char *program, const char *const *arguments) {
    union {
        const char *in;
        char *out; /* exec does not write */
    } words[OTHER_ARGUMENTS_MAX + 2] = {{.in = program}};
    char *argv[OTHER_ARGUMENTS_MAX + 2] = {words[0].out};
    char path[PATH_MAX];
    for (size_t i = 0; arguments[i] != NULL; i++) {
        CHECK(i < OTHER_ARGUMENTS_MAX);
        words[i + 1].in = arguments[i];
        argv[i + 1] = words[i + 1].out;
    }
    find_beside(program, path);
    (void)execv(path, argv);
    (void)execvp(program, argv);
    _exit(EXIT_NOT_FOUND);
}

static void close_one(int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void take_streams(const struct pipes *pipes) {
    if (pipes->out[1] >= 0 &&
        (dup2(pipes->out[1], STDOUT_FILENO) < 0 || dup2(pipes->err[1], STDERR_FILENO) < 0)) {
        _exit(EXIT_NOT_FOUND);
    }
}

/* Reads both to their ends; what is beyond the limit is dropped. */
static void read_pipes(const struct pipes *pipes, struct other_output *output) {
    struct pollfd items[] = {{.fd = pipes->out[0], .events = POLLIN},
                             {.fd = pipes->err[0], .events = POLLIN}};
    struct buf *const texts[] = {&output->out, &output->err};
    while (items[0].fd >= 0 || items[1].fd >= 0) {
        if (poll(items, COUNT_OF(items), -1) < 0 && errno != EINTR) {
            return;
        }
        for (size_t i = 0; i < COUNT_OF(items); i++) {
            char piece[PIECE_BYTES];
            if (items[i].fd < 0 || items[i].revents == 0) {
                continue;
            }
            ssize_t got = read(items[i].fd, piece, sizeof(piece));
            if (got > 0 && texts[i]->len < OUTPUT_BYTES_MAX) {
                buf_append(texts[i], span_make(piece, (size_t)got));
            } else if (got == 0 || (got < 0 && errno != EINTR)) {
                items[i].fd = -1;
            }
        }
    }
}

enum err other_program_run(const char *program, const char *const *arguments,
                           struct other_output *output, int *exit_code, struct diag *diag) {
    struct pipes pipes = {{-1, -1}, {-1, -1}};
    (void)fflush(stdout);
    bool is_ready =
        output == NULL || (pipe2(pipes.out, O_CLOEXEC) == 0 && pipe2(pipes.err, O_CLOEXEC) == 0);
    pid_t child = is_ready ? fork() : -1;
    if (child == 0) {
        take_streams(&pipes);
        exec_program(program, arguments);
    }
    close_one(&pipes.out[1]);
    close_one(&pipes.err[1]);
    if (child > 0 && output != NULL) {
        read_pipes(&pipes, output);
    }
    close_one(&pipes.out[0]);
    close_one(&pipes.err[0]);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || !WIFEXITED(status)) {
        return diag_fail(diag, ERR_SYSTEM, "%s %s", program,
                         child < 0 ? "cannot be started" : "died");
    }
    if (WEXITSTATUS(status) == EXIT_NOT_FOUND) {
        return diag_fail(diag, ERR_NOT_FOUND, "%s is neither beside this program nor on PATH",
                         program);
    }
    *exit_code = WEXITSTATUS(status);
    return ERR_OK;
}
