/* casemill-broker: command line, signals, and the loop until a stop has run its course. */
#include "broker/broker.h"
#include "broker/settings_table.h"

#include "base/io.h"
#include "base/log.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

enum { MMAP_THRESHOLD_BYTES = 128 << 10, ARENAS_MAX = 2, EXIT_USAGE = 2 };

static volatile sig_atomic_t stop_signals;

static void count_stop(int signal_number) {
    (void)signal_number;
    stop_signals++;
}

static void catch_signals(void) {
    struct sigaction stop = {.sa_handler = count_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&stop.sa_mask);
    CHECK(sigaction(SIGTERM, &stop, NULL) == 0);
    CHECK(sigaction(SIGINT, &stop, NULL) == 0);
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

static int fail(const struct diag *diag) {
    struct buf text = BUF_EMPTY;
    buf_str(&text, "casemill-broker: ");
    diag_print(diag, SPAN_LIT(""), &text);
    enum err written = io_write_all(STDERR_FILENO, buf_span(&text));
    (void)written; /* there is nowhere else to say it */
    buf_free(&text);
    return 1;
}

static int usage(int status) {
    (void)fprintf(status == 0 ? stdout : stderr,
                  "usage: casemill-broker [--config FILE] [--check]\n"
                  "  --config FILE  settings; without it defaults and CASEMILL_* variables\n"
                  "  --check        say what would be bound and used, then exit 0 or 1\n"
                  "  --version      print the version\n");
    return status;
}

static int check(const struct settings *settings) {
    struct buf text = BUF_EMPTY;
    settings_print(settings, &text);
    enum err err = io_write_all(STDOUT_FILENO, buf_span(&text));
    buf_free(&text);
    return err == ERR_OK ? 0 : 1;
}

static int serve(const struct settings *settings) {
    struct diag diag = {0};
    struct broker *broker = NULL;
    log_setup(&(struct log_options){
        .program = "broker", .json = settings_bool(settings, "log.json"), .level_min = LOG_INFO});
    if (broker_open(settings, &broker, &diag) != ERR_OK) {
        return fail(&diag);
    }
    struct buf line = BUF_EMPTY;
    broker_ready_line(broker, &line);
    LOG(EV_PROGRAM_READY, "version=%s", CASEMILL_VERSION);
    enum err err = io_write_all(STDOUT_FILENO, buf_span(&line));
    buf_free(&line);
    while (err == ERR_OK && broker_turn(broker, stop_signals)) {
    }
    broker_close(&broker);
    LOG(EV_PROGRAM_STOPPED, "signals=%d", (int)stop_signals);
    return err == ERR_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    const char *config = NULL;
    bool check_only = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            config = argv[++i];
        } else if (strcmp(argv[i], "--check") == 0) {
            check_only = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            (void)printf("casemill-broker %s\n", CASEMILL_VERSION);
            return 0;
        } else {
            return usage(strcmp(argv[i], "--help") == 0 ? 0 : EXIT_USAGE);
        }
    }
    /* Bodies come and go in megabytes: fixed thresholds give them back to the system (P7). */
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
    catch_signals();
    struct diag diag = {0};
    struct settings *settings = NULL;
    if (settings_load(BROKER_SETTINGS, COUNT_OF(BROKER_SETTINGS), config, environ, OTHER_SECTIONS,
                      &settings, &diag) != ERR_OK ||
        broker_check_settings(settings, &diag) != ERR_OK) {
        settings_free(&settings);
        return fail(&diag);
    }
    int status = check_only ? check(settings) : serve(settings);
    settings_free(&settings);
    return status;
}
