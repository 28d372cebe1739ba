/* `casemill dead retry` and `casemill dead drop`: one page of dead letters at a time.  The user and
 * the reason are recorded for each, before the broker gets it or together with the removal. */
#include "base/clock.h"
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/control_ask.h"
#include "cli/database.h"
#include "cli/dead/choice.h"
#include "cli/operator.h"
#include "cli/progress.h"
#include "wire/mp_write.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { RATE_MAX = 1000000 };

struct acting {
    const struct options *options;
    struct operator_self self;
    struct db *db;
    struct dead_choice choice;
    struct dead_page page;
    struct progress progress;
    uint64_t wanted, outcomes, duplicates, dead, dropped;
    int64_t rate; /* dead letters per second; 0: no limit */
};

/* The first steps of both verbs. */
static int read_acting(const struct options *options, struct acting *acting) {
    bool is_dry = option_flag(options, "--dry-run");
    *acting = (struct acting){.options = options};
    if (operator_read(options, is_dry ? NULL : "--why is kept with your name: give the reason",
                      &acting->self) != ERR_OK) {
        return EXIT_USAGE;
    }
    return dead_choice_read(options, true, &acting->choice) == ERR_OK ? EXIT_DONE : EXIT_USAGE;
}

static void print_counts(const struct options *options, const struct db_result *counts,
                         uint64_t total) {
    if (!option_flag(options, "--json")) {
        if (db_rows(counts) > 0) {
            database_print_rows(counts, 1);
        }
        plain_printf(stdout, "%llu dead letters; nothing was done\n", (unsigned long long)total);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_uint(json_key(&json, "letters"), total);
    database_json_rows(json_key(&json, "reasons"), counts);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

static enum err count_wanted(struct acting *acting, struct diag *diag) {
    struct db_result *counts = NULL;
    enum err err = dead_choice_count(acting->db, &acting->choice, &counts, diag);
    for (uint32_t row = 0; err == ERR_OK && row < db_rows(counts); row++) {
        acting->wanted += strtoull(db_cell(counts, row, 1), NULL, 10);
    }
    if (err == ERR_OK && option_flag(acting->options, "--dry-run")) {
        print_counts(acting->options, counts, acting->wanted);
    }
    db_result_free(&counts);
    return err;
}

/* --- retry --- */

/* The page's name is a hash of its record, so a resend joins the first. */
static enum err note_retry(struct acting *acting, struct uuid *batch, struct diag *diag) {
    struct db_result *row = NULL;
    const char *const params[] = {acting->self.why, buf_cstr(&acting->page.ids), acting->self.user,
                                  acting->self.host};
    enum err err =
        db_query(acting->db,
                 "INSERT INTO operator_actions (kind, why, letters, login, host) VALUES ('retry', "
                 "$1, $2::bigint[], $3, $4) RETURNING action, extract(epoch FROM done_at)",
                 COUNT_OF(params), params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 i s", diag) : err;
    if (err == ERR_OK) {
        struct buf name = BUF_EMPTY;
        buf_printf(&name, "retry %s %s", db_cell(row, 0, 0), db_cell(row, 0, 1));
        struct hash128 hash = hash128_joined(buf_span(&name), buf_span(&acting->page.ids));
        memcpy(batch->bytes, hash.bytes, sizeof(hash.bytes));
        buf_free(&name);
    }
    db_result_free(&row);
    return err;
}

/* "{1,2}" as MessagePack numbers. */
static void write_numbers(struct buf *ids, struct buf *numbers) {
    char *at = (char *)(uintptr_t)buf_cstr(ids);
    while (*at != '}') {
        mp_write_uint(numbers, strtoull(at + 1, &at, 10));
    }
}

static enum err read_answer(struct acting *acting, const struct buf *reply, struct diag *diag) {
    json_t *answer = json_loadb((const char *)reply->ptr, reply->len, 0, NULL);
    if (json_integer_value(json_object_get(answer, "count")) != (json_int_t)acting->page.count) {
        json_decref(answer);
        return diag_fail(diag, ERR_VERSION, "the broker's answer is not about these dead letters");
    }
    uint64_t dead = (uint64_t)json_integer_value(json_object_get(answer, "dead_count"));
    uint64_t duplicates = (uint64_t)json_integer_value(json_object_get(answer, "duplicates"));
    acting->dead += dead;
    acting->duplicates += duplicates;
    acting->outcomes += acting->page.count - dead - duplicates;
    json_decref(answer);
    return ERR_OK;
}

static enum err retry_page(struct acting *acting, struct diag *diag) {
    struct buf numbers = BUF_EMPTY;
    struct buf reply = BUF_EMPTY;
    struct wire_message asked = {.command = WIRE_RETRY,
                                 .retry = {.count = acting->page.count,
                                           .ack = WIRE_ACK_OUTCOME,
                                           .by = operator_wire(&acting->self)}};
    const struct control_peer control = control_peer(acting->options);
    enum err err = note_retry(acting, &asked.retry.batch, diag);
    write_numbers(&acting->page.ids, &numbers);
    if (err == ERR_OK) {
        err = control_do(&control, &asked, buf_span(&numbers), &reply, diag);
    }
    if (err == ERR_OK) {
        err = read_answer(acting, &reply, diag);
    }
    buf_free(&numbers);
    buf_free(&reply);
    return err;
}

static enum err retry_all(struct acting *acting, struct diag *diag) {
    const struct control_peer peer = control_peer(acting->options);
    enum err err = control_reach(&peer, diag); /* before anything is recorded */
    uint64_t done = 0;
    acting->page.most = acting->rate > 0 && acting->rate < DEAD_PAGE_LETTERS
                            ? (uint32_t)acting->rate
                            : DEAD_PAGE_LETTERS;
    progress_init(&acting->progress, "dead letters", acting->wanted);
    while (err == ERR_OK) {
        int64_t began_ms = clock_mono_ms();
        err = dead_choice_page(acting->db, &acting->choice, &acting->page, diag);
        if (err != ERR_OK || acting->page.count == 0) {
            break;
        }
        err = retry_page(acting, diag);
        done += acting->page.count;
        progress_step(&acting->progress, done);
        int64_t due_ms = acting->rate == 0 ? 0 : (int64_t)acting->page.count * 1000 / acting->rate;
        int64_t spent_ms = clock_mono_ms() - began_ms;
        if (err == ERR_OK && spent_ms < due_ms && done < acting->wanted) {
            clock_sleep_ms(due_ms - spent_ms);
        }
    }
    progress_end(&acting->progress, done);
    return err;
}

static void print_retried(const struct acting *acting) {
    uint64_t all = acting->outcomes + acting->duplicates + acting->dead;
    if (!option_flag(acting->options, "--json")) {
        plain_printf(stdout,
                     "%llu dead letters: %llu have an outcome, %llu had one, %llu are dead again\n",
                     (unsigned long long)all, (unsigned long long)acting->outcomes,
                     (unsigned long long)acting->duplicates, (unsigned long long)acting->dead);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_uint(json_key(&json, "letters"), all);
    json_uint(json_key(&json, "outcomes"), acting->outcomes);
    json_uint(json_key(&json, "duplicates"), acting->duplicates);
    json_uint(json_key(&json, "dead"), acting->dead);
    json_object_close(&json);
    answer_print_json(NULL, &text);
}

/* --- drop --- */

static enum err drop_page(struct acting *acting, struct diag *diag) {
    const char *const params[] = {acting->self.why, buf_cstr(&acting->page.ids), acting->self.user,
                                  acting->self.host};
    struct db_result *row = NULL;
    enum err err = db_query(acting->db,
                            "WITH gone AS (DELETE FROM dead_letters WHERE dead = ANY "
                            "($2::bigint[]) RETURNING dead), noted AS (INSERT INTO "
                            "operator_actions (kind, why, letters, login, host) SELECT 'drop', $1, "
                            "array_agg(dead ORDER BY dead), $3, $4 FROM gone HAVING count(*) > 0) "
                            "SELECT count(*) FROM gone",
                            COUNT_OF(params), params, &row, diag);
    err = err == ERR_OK ? db_expect(row, "1 n", diag) : err;
    if (err == ERR_OK) {
        uint64_t dropped = strtoull(db_cell(row, 0, 0), NULL, 10);
        char letters[32];
        (void)snprintf(letters, sizeof(letters), "%llu dead letters", (unsigned long long)dropped);
        operator_log(&acting->self, "dead_drop", letters);
        acting->dropped += dropped;
    }
    db_result_free(&row);
    return err;
}

static enum err drop_all(struct acting *acting, struct diag *diag) {
    enum err err = ERR_OK;
    acting->page.most = DEAD_PAGE_LETTERS;
    do {
        err = dead_choice_page(acting->db, &acting->choice, &acting->page, diag);
        if (err == ERR_OK && acting->page.count > 0) {
            err = drop_page(acting, diag);
        }
    } while (err == ERR_OK && acting->page.count > 0);
    return err;
}

/* --- both --- */

static int act(struct acting *acting, enum err (*run)(struct acting *acting, struct diag *diag)) {
    struct diag diag = {0};
    int code = database_open(acting->options, DATABASE_MIGRATED, &acting->db);
    enum err err = code == EXIT_DONE ? count_wanted(acting, &diag) : ERR_OK;
    if (err == ERR_OK && !option_flag(acting->options, "--dry-run") && acting->wanted > 0) {
        err = run(acting, &diag);
    }
    db_close(&acting->db);
    buf_free(&acting->page.ids);
    dead_choice_free(&acting->choice);
    return err == ERR_OK ? code : verb_fail(acting->options, &diag, SPAN_LIT(""));
}

static int retry_run(const struct options *options) {
    struct acting acting;
    int code = read_acting(options, &acting);
    acting.choice.cases_only = true;
    if (code == EXIT_DONE &&
        option_int(options, "--rate", 0, 1, RATE_MAX, &acting.rate) != ERR_OK) {
        dead_choice_free(&acting.choice);
        return EXIT_USAGE;
    }
    code = code == EXIT_DONE ? act(&acting, retry_all) : code;
    if (code == EXIT_DONE && !option_flag(options, "--dry-run")) {
        print_retried(&acting);
        code = acting.dead > 0 ? EXIT_FAILED : EXIT_DONE;
    }
    return code;
}

static void print_dropped(const struct options *options, uint64_t dropped) {
    if (option_flag(options, "--json")) {
        struct buf text = BUF_EMPTY;
        buf_printf(&text, "{\"dropped\":%llu}", (unsigned long long)dropped);
        answer_print_json(NULL, &text);
    } else {
        plain_printf(stdout, "%llu dead letters dropped\n", (unsigned long long)dropped);
    }
}

static int drop_run(const struct options *options) {
    struct acting acting;
    int code = read_acting(options, &acting);
    code = code == EXIT_DONE ? act(&acting, drop_all) : code;
    if (code == EXIT_DONE && !option_flag(options, "--dry-run")) {
        print_dropped(options, acting.dropped);
    }
    return code;
}

static const struct option_row RETRY_ROWS[] = {
    DEAD_CHOICE_ROWS,
    OPERATOR_WHY_ROW,
    {"--rate", "N", "at most this many dead letters per second"},
    {"--dry-run", NULL, "show how many of each reason, and change nothing"},
    {NULL, NULL, NULL}};

const struct verb verb_dead_retry = {
    .name = "dead retry",
    .summary = "decide dead letters again; an outcome resolves its dead letter",
    .operands = "[LETTER...]",
    .rows = RETRY_ROWS,
    .run = retry_run,
};

static const struct option_row DROP_ROWS[] = {
    DEAD_CHOICE_ROWS,
    OPERATOR_WHY_ROW,
    {"--dry-run", NULL, "show how many of each reason, and change nothing"},
    {NULL, NULL, NULL}};

const struct verb verb_dead_drop = {
    .name = "dead drop",
    .summary = "permanently remove dead letters and their bytes",
    .operands = "[LETTER...]",
    .rows = DROP_ROWS,
    .run = drop_run,
};
