/* casemill-broker: command line, signals, and the loop until a stop has run its course. */
#include "broker/broker.h"
#include "broker/check_settings.h"
#include "broker/crash_test.h"
#include "broker/journal_verify.h"
#include "broker/options_table.h"
#include "broker/settings_table.h"

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/io.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/plain.h"
#include "base/process.h"
#include "base/sink.h"
#include "net/hangup.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

enum {
    MMAP_THRESHOLD_BYTES = 128 << 10,
    ARENAS_MAX = 2,
    EXIT_USAGE = 2,
    EXIT_IN_USE = 3,
    READY_MS_MAX = 2000
};

static volatile sig_atomic_t stop_signals;
static volatile sig_atomic_t reload_signals;

static void count_stop(int signal_number) {
    (void)signal_number;
    stop_signals++;
}

static void count_reload(int signal_number) {
    (void)signal_number;
    reload_signals++;
}

static void catch_signals(void) {
    struct sigaction reload = {.sa_handler = count_reload};
    struct sigaction stop = {.sa_handler = count_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&stop.sa_mask);
    (void)sigemptyset(&reload.sa_mask);
    CHECK(sigaction(SIGHUP, &reload, NULL) == 0);
    CHECK(sigaction(SIGTERM, &stop, NULL) == 0);
    CHECK(sigaction(SIGINT, &stop, NULL) == 0);
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

static int fail(const struct diag *diag) {
    struct buf text = BUF_EMPTY;
    buf_str(&text, "casemill-broker: ");
    diag_print(diag, SPAN_LIT(""), &text);
    log_text(buf_span(&text));
    buf_free(&text);
    return 1;
}

/* The exit code after what was printed; it is not 0 when the reader is gone. */
static int printed(enum err err) {
    struct diag diag = {0};
    if (err != ERR_OK) {
        err = diag_fail(&diag, err, "standard output cannot be written");
    }
    return err == ERR_OK ? 0 : fail(&diag);
}

static int usage(int status) {
    program_usage(status == 0 ? stdout : stderr, "casemill-broker", BROKER_OPTIONS);
    return status == 0 ? printed(io_flush_stdout()) : status;
}

static int check(const struct settings *settings) {
    struct buf text = BUF_EMPTY;
    struct diag diag = {0};
    settings_print(settings, &text);
    if (keys_check(settings, &text, &diag) != ERR_OK ||
        broker_try(settings, &text, &diag) != ERR_OK) {
        buf_free(&text);
        return fail(&diag);
    }
    plain_print(stdout, buf_span(&text));
    buf_free(&text);
    return printed(io_flush_stdout());
}

/* A HUP.  *now is what the last one brought, NULL before the first. */
static void reload(struct broker *broker, const struct settings *start, struct settings **now) {
    struct settings *fresh = NULL;
    struct diag diag = {0};
    enum err err = settings_load_again(start, environ, &fresh, &diag);
    err = err == ERR_OK ? broker_reload(broker, fresh, &diag) : err;
    if (err != ERR_OK) {
        LOG(EV_SETTINGS_NOT_LOADED, "file=\"%s\" line=%u text=\"%s\"", diag.file, diag.line,
            diag.text);
        settings_free(&fresh);
        return;
    }
    settings_log_reload(start, *now == NULL ? start : *now, fresh);
    settings_free(now);
    *now = fresh;
}

/* The line of write_ready, without its newline: what `systemctl status` shows. */
static void notify_serving(const struct broker *broker, struct notify *notify) {
    struct buf line = BUF_EMPTY;
    broker_ready_line(broker, &line);
    CHECK(line.len > 0);
    line.len--;
    notify_ready(notify, buf_cstr(&line));
    buf_free(&line);
}

/* The ready line; a reader that is there but does not read is not waited for. */
static int write_ready(const struct broker *broker) {
    struct diag diag = {0};
    struct buf line = BUF_EMPTY;
    broker_ready_line(broker, &line);
    broker_log_ready(broker);
    enum err err = sink_write_within(STDOUT_FILENO, buf_span(&line), READY_MS_MAX, &diag);
    if (err == ERR_TIMEOUT) {
        LOG(EV_READY_UNREAD, "waited_ms=%d", READY_MS_MAX);
        err = ERR_OK;
    }
    buf_free(&line);
    return printed(err);
}

static void turn_until_stopped(struct broker *broker, const struct settings *settings,
                               struct notify *notify) {
    struct settings *now = NULL;
    sig_atomic_t reloaded = 0;
    while (broker_turn(broker, stop_signals)) {
        sig_atomic_t asked = reload_signals;
        if (asked != reloaded) {
            reloaded = asked;
            notify_reloading(notify);
            reload(broker, settings, &now);
            notify_serving(broker, notify);
        }
        if (stop_signals > 0) {
            notify_stopping(notify);
        }
        notify_beat(notify, clock_mono_ms());
    }
    settings_free(&now);
}

static int serve(const struct settings *settings) {
    struct diag diag = {0};
    struct notify notify;
    struct broker *broker = NULL;
    catch_signals();
    log_setup(&(struct log_options){
        .program = "broker", .json = settings_bool(settings, "log.json"), .level_min = LOG_INFO});
    if (notify_open(&notify, &diag) != ERR_OK || hangup_start(&diag) != ERR_OK ||
        log_start(&diag) != ERR_OK || broker_open(settings, &broker, &diag) != ERR_OK) {
        return fail(&diag);
    }
    int code = write_ready(broker);
    if (code == 0) {
        notify_serving(broker, &notify);
        turn_until_stopped(broker, settings, &notify);
    }
    notify_stopping(&notify);
    broker_close(&broker);
    notify_close(&notify);
    LOG(EV_PROGRAM_STOPPED, "signals=%d", (int)stop_signals);
    return code;
}

struct arguments {
    const char *config; /* NULL: defaults and environment */
    const char *verify; /* a journal to read instead of serving */
    const char *salvage;
    const char *crash_test; /* a directory to try the journal's faults in */
    bool check, json, version, help;
};

static bool parse_arguments(int argc, char **argv, struct arguments *arguments) {
    const struct {
        const char *name;
        const char **value;
        bool *flag;
    } OPTIONS[] = {
        {"--config", &arguments->config, NULL},   {"--verify", &arguments->verify, NULL},
        {"--salvage", &arguments->salvage, NULL}, {"--crash-test", &arguments->crash_test, NULL},
        {"--check", NULL, &arguments->check},     {"--json", NULL, &arguments->json},
        {"--version", NULL, &arguments->version}, {"--help", NULL, &arguments->help}};
    for (int i = 1; i < argc; i++) {
        size_t option = 0;
        while (option < COUNT_OF(OPTIONS) && strcmp(argv[i], OPTIONS[option].name) != 0) {
            option++;
        }
        if (option == COUNT_OF(OPTIONS) || (OPTIONS[option].value != NULL && i + 1 == argc)) {
            return false;
        }
        if (OPTIONS[option].value != NULL) {
            *OPTIONS[option].value = argv[++i];
        } else {
            *OPTIONS[option].flag = true;
        }
    }
    return arguments->salvage == NULL || arguments->verify != NULL;
}

static int verify(const struct arguments *arguments) {
    struct verify_report report = {.out = STDOUT_FILENO, .json = arguments->json};
    struct diag diag = {0};
    enum err err = arguments->salvage == NULL
                       ? verify_run(arguments->verify, &report, &diag)
                       : verify_salvage(arguments->verify, arguments->salvage, &report, &diag);
    if (err == ERR_OK) {
        return printed(report.unwritten ? ERR_IO : ERR_OK);
    }
    int status = fail(&diag);
    return err == ERR_BUSY ? EXIT_IN_USE : status;
}

static int crash_test(const struct arguments *arguments) {
    struct diag diag = {0};
    return crash_test_run(arguments->crash_test, STDOUT_FILENO, arguments->json, &diag) == ERR_OK
               ? 0
               : fail(&diag);
}

int main(int argc, char **argv) {
    struct arguments arguments = {0};
    process_keep_memory();
    if (io_hold_standard() != ERR_OK) {
        return 1;
    }
    if (!parse_arguments(argc, argv, &arguments)) {
        return usage(EXIT_USAGE);
    }
    if (arguments.help) {
        return usage(0);
    }
    if (arguments.version) {
        plain_printf(stdout, "casemill-broker %s\n", CASEMILL_VERSION);
        return printed(io_flush_stdout());
    }
    if (arguments.verify != NULL) {
        return verify(&arguments);
    }
    if (arguments.crash_test != NULL) {
        return crash_test(&arguments);
    }
    /* Bodies come and go in megabytes: fixed thresholds give them back to the system (P7). */
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
    (void)descriptors_raise(); /* broker_check_settings compares it with the need */
    struct diag diag = {0};
    struct settings *settings = NULL;
    if (settings_load(BROKER_SETTINGS, COUNT_OF(BROKER_SETTINGS), arguments.config, environ,
                      OTHER_SECTIONS, &settings, &diag) != ERR_OK ||
        broker_check_settings(settings, &diag) != ERR_OK) {
        settings_free(&settings);
        return fail(&diag);
    }
    int status = arguments.check ? check(settings) : serve(settings);
    log_stop();
    settings_free(&settings);
    return status;
}
