/* fork, exec, wait. */
#include "cli/broker_program.h"

#include "base/check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BROKER_PROGRAM "casemill-broker"
enum { ARGUMENTS_MAX = 8, EXIT_NOT_FOUND = 127 };

static void find_beside(char path[PATH_MAX]) {
    ssize_t got = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[got < 0 ? 0 : got] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = slash == NULL ? 0 : (size_t)(PATH_MAX - (slash + 1 - path));
    if (room > sizeof(BROKER_PROGRAM)) {
        (void)snprintf(slash + 1, room, BROKER_PROGRAM);
    }
}

static void exec_broker(const char *const *arguments) {
    char path[PATH_MAX];
    char *argv[ARGUMENTS_MAX + 2] = {(char[]){BROKER_PROGRAM}};
    for (size_t i = 0; arguments[i] != NULL; i++) {
        CHECK(i < ARGUMENTS_MAX);
        union {
            const char *in;
            char *out; /* exec does not write */
        } argument = {.in = arguments[i]};
        argv[i + 1] = argument.out;
    }
    find_beside(path);
    (void)execv(path, argv);
    (void)execvp(BROKER_PROGRAM, argv);
    _exit(EXIT_NOT_FOUND);
}

enum err broker_program_run(const char *const *arguments, int *exit_code, struct diag *diag) {
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        exec_broker(arguments);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || !WIFEXITED(status)) {
        return diag_fail(diag, ERR_SYSTEM, BROKER_PROGRAM " %s",
                         child < 0 ? "cannot be started" : "died");
    }
    if (WEXITSTATUS(status) == EXIT_NOT_FOUND) {
        return diag_fail(diag, ERR_NOT_FOUND,
                         BROKER_PROGRAM " is neither beside this program nor on PATH");
    }
    *exit_code = WEXITSTATUS(status);
    return ERR_OK;
}
