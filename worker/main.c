/* casemill-worker: reads settings, checks PostgreSQL once, starts the rule watch and the lanes,
 * waits for signals.  TERM or INT drains: lanes finish their work, for lanes.grace_s at most; a
 * second signal ends at once.  Unfinished work is returned, and brokers dispatch it to other lanes.
 * If a thread hangs, an alarm ends the process.  Never touches a case. */
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/io.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/plain.h"
#include "base/process.h"
#include "base/sink.h"
#include "db/db.h"
#include "http/http_settings.h"
#include "net/hangup.h"
#include "net/net.h"
#include "settings/settings.h"
#include "worker/lane.h"
#include "worker/options_table.h"
#include "worker/settings_table.h"
#include "worker/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

extern char **environ;

struct arguments {
    const char *config; /* NULL: defaults and environment */
    bool check, version, help;
};

enum {
    EXIT_USAGE = 2,
    READY_MS_MAX = 2000,
    END_S_MAX = 5 /* from the return of work to the end of the process */
};

static int usage(int status) {
    program_usage(status == 0 ? stdout : stderr, "casemill-worker", WORKER_OPTIONS);
    return status;
}

static bool parse_arguments(int argc, char **argv, struct arguments *arguments) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0) {
            arguments->check = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            arguments->version = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            arguments->help = true;
        } else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            arguments->config = argv[++i];
        } else {
            return false;
        }
    }
    return true;
}

static int fail(const struct diag *diag) {
    struct buf text = BUF_EMPTY;
    buf_str(&text, "casemill-worker: ");
    diag_print(diag, SPAN_LIT(""), &text);
    log_text(buf_span(&text));
    buf_free(&text);
    return EXIT_FAILURE;
}

/* Whether the output was written: the program that starts a worker waits for its line. */
static int printed(enum err err) {
    struct diag diag = {0};
    if (err != ERR_OK) {
        err = diag_fail(&diag, err, "standard output cannot be written");
    }
    return err == ERR_OK ? EXIT_SUCCESS : fail(&diag);
}

static int print_end(void) { return printed(io_flush_stdout()); }

static void warn_unverified(const char *conninfo) {
    char host[DB_HOST_BYTES];
    if (db_has_unverified_host(conninfo, host)) {
        LOG(EV_SETTING_WARNING, "key=postgres.conninfo text=\"%s: " DB_UNVERIFIED "\"", host);
    }
}

static void ready_text(const struct worker *worker, const struct worker_options *options,
                       struct buf *line) {
    buf_printf(line, "ready lanes=%u broker=", options->lane_count);
    plain_text(line, options->brokers[0]);
    buf_printf(line, " http=%s", worker_http(worker));
}

static void notify_serving(const struct worker *worker, const struct worker_options *options,
                           struct notify *notify) {
    struct buf line = BUF_EMPTY;
    ready_text(worker, options, &line);
    notify_ready(notify, buf_cstr(&line));
    buf_free(&line);
}

static void log_ready(const struct worker *worker, const struct worker_options *options) {
    struct buf brokers = BUF_EMPTY;
    for (uint32_t i = 0; i < options->broker_count; i++) {
        buf_printf(&brokers, "%s%s", i == 0 ? "" : ",", options->brokers[i]);
    }
    LOG(EV_PROGRAM_READY, "version=%s lanes=%u brokers=\"%s\" http=\"%s\"", CASEMILL_VERSION,
        options->lane_count, buf_cstr(&brokers), worker_http(worker));
    buf_free(&brokers);
}

/* The ready line; the worker does not wait for a slow reader. */
static int print_ready(const struct worker *worker, const struct worker_options *options) {
    struct diag diag = {0};
    struct buf line = BUF_EMPTY;
    ready_text(worker, options, &line);
    buf_byte(&line, '\n');
    warn_unverified(options->conninfo);
    log_ready(worker, options);
    enum err err = sink_write_within(STDOUT_FILENO, buf_span(&line), READY_MS_MAX, &diag);
    if (err == ERR_TIMEOUT) {
        LOG(EV_READY_UNREAD, "waited_ms=%d", READY_MS_MAX);
        err = ERR_OK;
    }
    buf_free(&line);
    return printed(err);
}

static void read_options(const struct settings *settings, struct worker_options *options) {
    *options = (struct worker_options){
        .conninfo = settings_str(settings, "postgres.conninfo"),
        .sync_standbys = settings_int(settings, "postgres.sync_standbys"),
        .wait_for_postgres = settings_bool(settings, "postgres.wait"),
        .stale_s = settings_int(settings, "rules.stale_s"),
        .stop_fd = -1,
        .lane_count = (uint32_t)settings_int(settings, "lanes.count"),
        .cases_max = (uint32_t)settings_int(settings, "transaction.cases_max"),
        .secret_key = settings_str(settings, "keys.secret"),
    };
    http_settings_read(settings, &options->http);
    options->broker_count = settings_list(settings, "broker.connect", &options->brokers);
    options->secret_count = settings_list(settings, "broker.secret", &options->secrets);
    options->broker_key_count = settings_list(settings, "keys.broker", &options->broker_keys);
}

/* Checks that a type cannot express; worker_read_keys reads the keys later. */
static enum err check_settings(const struct settings *settings, struct diag *diag) {
    const char *const *brokers = NULL;
    uint32_t broker_count = settings_list(settings, "broker.connect", &brokers);
    struct diag why = {0};
    for (uint32_t i = 0; i < broker_count; i++) {
        const char *fault = net_endpoint_fault(brokers[i]);
        if (fault != NULL) {
            return settings_fail(settings, "broker.connect", ERR_INVALID, diag, "\"%s\" %s",
                                 brokers[i], fault);
        }
    }
    if (db_check_conninfo(settings_str(settings, "postgres.conninfo"), &why) != ERR_OK) {
        return settings_fail(settings, "postgres.conninfo", why.err, diag, "%s", why.text);
    }
    return http_settings_check(settings, diag);
}

static int check_only(const struct settings *settings) {
    struct buf text = BUF_EMPTY;
    settings_print(settings, &text);
    plain_printf(stdout, "%.*s", SPAN_ARG(text));
    buf_free(&text);
    struct worker_options options;
    struct net_curve curves[LANE_BROKERS_MAX] = {0};
    struct diag diag = {0};
    read_options(settings, &options);
    enum err err = worker_read_keys(&options, curves, &diag);
    if (err == ERR_OK && options.secret_key[0] != '\0') {
        plain_printf(stdout, "# public key: %s\n", curves[0].own.public_key.text);
    }
    if (err == ERR_OK) {
        struct buf tried = BUF_EMPTY;
        err = worker_try(&options, &tried, &diag);
        plain_printf(stdout, "%.*s", SPAN_ARG(tried));
        buf_free(&tried);
    }
    return err == ERR_OK ? print_end() : fail(&diag);
}

/* The last resort, when a thread hangs.  No work is lost, because brokers hold everything that
 * lanes hold.  It logs nothing: the reader of standard error may block. */
static void end_hard(int signal) {
    (void)signal;
    _exit(EXIT_FAILURE);
}

/* Signals arrive through a descriptor, so that they interrupt no call. */
static enum err open_signals(int *fd, struct diag *diag) {
    sigset_t set;
    CHECK(sigemptyset(&set) == 0);
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        CHECK(sigaddset(&set, signals[i]) == 0);
    }
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    const struct sigaction hard = {.sa_handler = end_hard};
    CHECK(sigaction(SIGALRM, &hard, NULL) == 0);
    *fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *fd >= 0 ? ERR_OK
                    : diag_fail(diag, ERR_SYSTEM, "no more descriptors: %s", strerror(errno));
}

struct asked {
    bool stop, reload;
};

static struct asked read_signals(int signals) {
    struct signalfd_siginfo info;
    struct asked asked = {0};
    while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        asked.stop = asked.stop || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
        asked.reload = asked.reload || info.ssi_signo == SIGHUP;
    }
    return asked;
}

/* A HUP changes the log's format; other changes are logged, for a restart.  *now has the settings
 * of the last HUP, NULL before the first. */
/* Errors: as http_reload. */
static enum err take(struct worker *worker, const struct settings *fresh, struct diag *diag) {
    struct http_options http;
    http_settings_read(fresh, &http);
    return worker_reload(worker, &http, diag);
}

static void reload(struct worker *worker, const struct settings *start, struct settings **now) {
    struct settings *fresh = NULL;
    struct diag diag = {0};
    enum err err = settings_load_again(start, environ, &fresh, &diag);
    err = err == ERR_OK ? check_settings(fresh, &diag) : err;
    err = err == ERR_OK ? take(worker, fresh, &diag) : err;
    if (err != ERR_OK) {
        LOG(EV_SETTINGS_NOT_LOADED, "file=\"%s\" line=%u text=\"%s\"", diag.file, diag.line,
            diag.text);
        settings_free(&fresh);
        return;
    }
    log_set_json(settings_bool(fresh, "log.json"));
    settings_log_reload(start, *now == NULL ? start : *now, fresh);
    settings_free(now);
    *now = fresh;
}

static void end_within(int64_t seconds) { (void)alarm((unsigned)seconds); }

struct stopping {
    bool draining, abandoned;
    int64_t until_ms; /* monotonic: then lanes return their work */
};

static void stop_or_hurry(struct worker *worker, struct stopping *stopping, int64_t grace_s) {
    LOG(EV_PROGRAM_STOPPING, "asked=%s", stopping->draining ? "again" : "once");
    if (stopping->draining) {
        stopping->abandoned = true;
        end_within(END_S_MAX);
        worker_abandon(worker);
        return;
    }
    stopping->draining = true;
    stopping->until_ms = clock_mono_ms() + grace_s * 1000;
    end_within(grace_s + END_S_MAX);
    worker_drain(worker);
}

static void serve(struct worker *worker, int signals, const struct settings *settings,
                  const struct worker_options *options, struct notify *notify) {
    struct stopping stopping = {0};
    struct settings *now = NULL;
    while (!worker_has_ended(worker)) {
        worker_wait(worker, signals);
        struct asked asked = read_signals(signals);
        if (asked.reload) {
            notify_reloading(notify);
            reload(worker, settings, &now);
            notify_serving(worker, options, notify);
        }
        if (asked.stop) {
            notify_stopping(notify);
            stop_or_hurry(worker, &stopping, settings_int(settings, "lanes.grace_s"));
        }
        if (stopping.draining && !stopping.abandoned && clock_mono_ms() >= stopping.until_ms) {
            LOG(EV_GRACE_OVER, "grace_s=%lld", (long long)settings_int(settings, "lanes.grace_s"));
            stopping.abandoned = true;
            worker_abandon(worker);
        }
        /* Without beats systemd ends the process; brokers dispatch its work to others. */
        if (!worker_is_stalled(worker)) {
            notify_beat(notify, clock_mono_ms());
        }
    }
    settings_free(&now);
}

/* ERR_TIMEOUT: a stop was requested before the worker had started. */
static enum err start(struct worker_options *options, int signals, struct worker **worker,
                      struct diag *diag) {
    options->stop_fd = signals;
    enum err err = worker_start(options, worker, diag);
    while (err == ERR_TIMEOUT && !read_signals(signals).stop) { /* another signal: try again */
        err = worker_start(options, worker, diag);
    }
    return err;
}

static int run(const struct settings *settings) {
    struct worker_options options;
    struct diag diag = {0};
    struct worker *worker = NULL;
    struct notify notify;
    read_options(settings, &options);
    int signals = -1;
    (void)descriptors_raise();
    if (worker_check_resources(&options, &diag) != ERR_OK ||
        open_signals(&signals, &diag) != ERR_OK) {
        return fail(&diag);
    }
    enum err err = notify_open(&notify, &diag);
    err = err == ERR_OK ? hangup_start(&diag) : err;
    err = err == ERR_OK ? log_start(&diag) : err;
    err = err == ERR_OK ? start(&options, signals, &worker, &diag) : err;
    if (err != ERR_OK) {
        (void)close(signals);
        if (err != ERR_TIMEOUT) {
            return fail(&diag);
        }
        LOG(EV_PROGRAM_STOPPED, "code=%d text=\"before it had started\"", EXIT_SUCCESS);
        return EXIT_SUCCESS;
    }
    int code = print_ready(worker, &options);
    if (code == EXIT_SUCCESS) {
        notify_serving(worker, &options, &notify);
        serve(worker, signals, settings, &options, &notify);
    }
    notify_stopping(&notify);
    end_within(END_S_MAX); /* also if lanes ended by themselves */
    worker_stop(&worker);
    (void)close(signals);
    notify_close(&notify);
    LOG(EV_PROGRAM_STOPPED, "code=%d", code);
    return code;
}

int main(int argc, char **argv) {
    struct arguments arguments = {0};
    process_keep_memory();
    if (io_hold_standard() != ERR_OK) {
        return EXIT_FAILURE;
    }
    if (!parse_arguments(argc, argv, &arguments)) {
        return usage(EXIT_USAGE);
    }
    if (arguments.help) {
        (void)usage(EXIT_SUCCESS);
        return print_end();
    }
    if (arguments.version) {
        plain_printf(stdout, "casemill-worker %s\n", CASEMILL_VERSION);
        return print_end();
    }
    struct settings *settings = NULL;
    struct diag diag = {0};
    if (settings_load(WORKER_SETTINGS, COUNT_OF(WORKER_SETTINGS), arguments.config, environ,
                      OTHER_SECTIONS, &settings, &diag) != ERR_OK ||
        check_settings(settings, &diag) != ERR_OK) {
        settings_free(&settings);
        return fail(&diag);
    }
    log_setup(&(struct log_options){
        .program = "worker", .json = settings_bool(settings, "log.json"), .level_min = LOG_INFO});
    int code = arguments.check ? check_only(settings) : run(settings);
    log_stop();
    settings_free(&settings);
    return code;
}
