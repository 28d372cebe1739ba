/* worker/: lanes that write the same few names at the same time, repeatedly, while their cases
 * are purged, their tallies folded and their connections cut. Each name has one outcome
 * permanently, every other content is a conflict with it, and counts equal a scan. */
#include "writer_bench.h"

#include <pthread.h>

/* All race for the same window of names, which moves with the rounds. */
enum { RACERS = 3, NAMES = 200, WINDOW = 24, CONTENTS = 4, ROUNDS = 80, MOST = 30, TRIES = 200 };
/* The results that a racer received for a content. */
enum told { TOLD_OUTCOME = 1, TOLD_CONFLICT = 2, TOLD_REFUSED = 4 };

struct racer {
    pthread_t thread;
    struct bench bench;
    struct rng rng;
    uint32_t names[MOST], contents[MOST], count;
    unsigned told[NAMES][CONTENTS];
    uint32_t written[NAMES];
    uint32_t lost; /* attempts that ended with the connection, or gave up */
    bool failed;
    atomic_bool over;
};

static void open_database(void) { available = fixture_open(&fixture, "worker_race"); }
static void close_database(void) { fixture_close(&fixture); }

/* The database refuses each tenth name. */
#define REFUSED "CHECK (case_id NOT LIKE '%7')"
static bool is_refused(uint32_t name) { return name % 10 == 7; }

static void choose(struct racer *racer, uint32_t round) {
    racer->count = 1 + (uint32_t)rng_below(&racer->rng, MOST);
    for (uint32_t i = 0; i < racer->count; i++) {
        racer->names[i] =
            round * (NAMES - WINDOW) / ROUNDS + (uint32_t)rng_below(&racer->rng, WINDOW);
        racer->contents[i] = (uint32_t)rng_below(&racer->rng, CONTENTS);
    }
}

static void fill(struct racer *racer) {
    static const char *const countries[CONTENTS] = {"US", "CA", "MX", "GT"};
    arena_reset(&racer->bench.arena);
    bench_begin(&racer->bench);
    for (uint32_t i = 0; i < racer->count; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "R%03u", racer->names[i]);
        bench_add(&racer->bench, id, 1, countries[racer->contents[i]]);
    }
    bench_decide(&racer->bench);
}

static enum told told_of(const struct txn *txn, const struct txn_case *settled) {
    for (uint32_t i = 0; settled->verdict == TXN_DEAD && i < txn->dead_count; i++) {
        if (txn->dead[i].index == settled->index) {
            return strcmp(txn->dead[i].reason, "conflict") == 0 ? TOLD_CONFLICT : TOLD_REFUSED;
        }
    }
    return TOLD_OUTCOME;
}

static void note(struct racer *racer) {
    struct wire_counts counts;
    const struct txn *txn = &racer->bench.txn;
    enum err err = txn_counts(txn, &racer->bench.arena, &counts);
    racer->failed =
        racer->failed || err != ERR_OK || outcomes(&counts) + counts.dead_count != racer->count;
    for (uint32_t i = 0; i < txn->case_count; i++) {
        const struct txn_case *settled = &txn->cases[i];
        uint32_t name = racer->names[settled->index];
        racer->told[name][racer->contents[settled->index]] |= told_of(txn, settled);
        racer->written[name] += settled->verdict == TXN_WRITTEN ? 1 : 0;
    }
}

/* A connection may be cut before it is of any use. */
static void connect_again(struct racer *racer) {
    const struct db_lane_wait wait = {.wait = wait_fd};
    struct diag diag = {0};
    enum err err = ERR_CONNECTION;
    for (int tries = 0; err != ERR_OK && tries < TRIES; tries++) {
        db_lane_close(&racer->bench.db);
        err = db_lane_open(fixture.conninfo, "unit", &wait, &racer->bench.db, &diag);
        err = err == ERR_OK ? writer_setup(&racer->bench.writer, racer->bench.db, 0, &diag) : err;
    }
    racer->failed = racer->failed || err != ERR_OK;
}

/* As a lane and its broker do: what did not commit comes again over a new connection. */
static void *race(void *argument) {
    struct racer *racer = argument;
    for (uint32_t round = 0; round < ROUNDS && !racer->failed; round++) {
        choose(racer, round);
        for (int tries = 0;; tries++) {
            fill(racer);
            enum err err = writer_write(&racer->bench.writer, &racer->bench.txn);
            if (err == ERR_OK) {
                note(racer);
                break;
            }
            racer->lost++;
            racer->failed = tries > TRIES || (err != ERR_CONNECTION && err != ERR_BUSY);
            if (racer->failed) {
                break;
            }
            connect_again(racer);
        }
    }
    atomic_store(&racer->over, true);
    return NULL;
}

static bool all_over(struct racer *racers) {
    bool over = true;
    for (int i = 0; i < RACERS; i++) {
        over = over && atomic_load(&racers[i].over);
    }
    return over;
}

/* Purges, folds and cuts as long as anybody races. */
static void disturb(struct racer *racers, struct rng *rng) {
    struct db *db = NULL;
    struct diag diag = {0};
    ck_assert_int_eq(db_open(fixture.conninfo, "disturbs", &db, &diag), ERR_OK);
    fixture_exec(db, "INSERT INTO purges (source, received_before, why) SELECT source, now(), "
                     "'test' FROM sources WHERE name = 'race'");
    while (!all_over(racers)) {
        char purge[128];
        (void)snprintf(purge, sizeof(purge),
                       "SELECT purge_some(max(purge), 'R%03u', 0, 1) FROM purges",
                       (unsigned)rng_below(rng, NAMES));
        fixture_exec(db, rng_below(rng, 16) == 0 ? purge : "SELECT fold_tallies(3)");
        if (rng_below(rng, 8) == 0) {
            fixture_exec(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                             "application_name = 'unit' AND datname = current_database() "
                             "ORDER BY random() LIMIT 1");
        }
        clock_sleep_ms(5);
    }
    db_close(&db);
}

static void check_names(struct racer *racers) {
    for (uint32_t name = 0; name < NAMES; name++) {
        uint32_t written = 0;
        uint32_t decided = 0;
        for (uint32_t content = 0; content < CONTENTS; content++) {
            unsigned told = 0;
            for (int i = 0; i < RACERS; i++) {
                told |= racers[i].told[name][content];
                written += content == 0 ? racers[i].written[name] : 0;
            }
            ck_assert_msg((told & (told - 1)) == 0, "R%03u %u: told %x", name, content, told);
            ck_assert(told == 0 || (told == TOLD_REFUSED) == is_refused(name));
            decided += told == TOLD_OUTCOME ? 1 : 0;
        }
        ck_assert_msg(written <= 1 && decided <= 1, "R%03u: %u times, %u contents", name, written,
                      decided);
    }
}

#define STANDING "(SELECT case_id, digest FROM cases UNION ALL SELECT case_id, digest FROM purged)"
#define SCAN                                                                                       \
    "(SELECT month_number(reference_date), agreement, disposition, count(*) FROM cases GROUP BY "  \
    "1, 2, 3)"
#define SUMS                                                                                       \
    "(SELECT x.month, x.agreement, x.disposition, sum(x.n)::bigint FROM (SELECT month, "           \
    "agreement, disposition, outcomes AS n FROM rollup_months UNION ALL SELECT o.* FROM tallies "  \
    "t CROSS JOIN LATERAL unnest(t.outcome_months, t.outcome_agreements, "                         \
    "t.outcome_dispositions, t.outcome_counts) AS o (month, agreement, disposition, n)) x GROUP "  \
    "BY 1, 2, 3 HAVING sum(x.n) <> 0)"

static void check_tables(void) {
    ck_assert_int_eq(
        fixture_number(&fixture, "SELECT count(*) - count(DISTINCT case_id) FROM " STANDING " s"),
        0);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM dead_letters d WHERE reason = "
                                              "'conflict' AND NOT EXISTS (SELECT FROM " STANDING
                                              " s WHERE s.case_id = d.case_id AND s.digest::text = "
                                              "d.expected AND s.digest::text <> d.found)"),
                     0);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT sum(cases) - (SELECT count(*) FROM " STANDING
                                              " s) FROM commits"),
                     0);
    ck_assert_int_eq(fixture_number(&fixture,
                                    "SELECT sum(outcomes) - (SELECT count(*) FROM " STANDING
                                    " s) FROM report.daily_counts"),
                     0);
    ck_assert_int_eq(fixture_number(&fixture, "SELECT count(*) FROM ((" SCAN " EXCEPT ALL " SUMS
                                              ") UNION ALL (" SUMS " EXCEPT ALL " SCAN ")) x"),
                     0);
}

START_TEST(test_one_outcome_whoever_races) {
    if (fixture_skips(available)) {
        return;
    }
    static struct racer racers[RACERS];
    struct uuid seed = uuid_random();
    struct rng rng;
    memcpy(&rng.state, seed.bytes, sizeof(rng.state));
    fixture_do(&fixture, "ALTER TABLE cases ADD CONSTRAINT refused " REFUSED);
    for (uint32_t i = 0; i < RACERS; i++) {
        bench_open(&racers[i].bench, "race");
        racers[i].rng.state = rng_next(&rng);
    }
    for (uint32_t i = 0; i < RACERS; i++) {
        ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    disturb(racers, &rng);
    uint32_t lost = 0;
    for (uint32_t i = 0; i < RACERS; i++) {
        ck_assert_int_eq(pthread_join(racers[i].thread, NULL), 0);
        ck_assert_msg(!racers[i].failed, "racer %u %s", i, racers[i].bench.writer.sqlstate);
        lost += racers[i].lost;
        bench_close(&racers[i].bench);
    }
    check_names(racers);
    check_tables();
    printf("%ld purged, %ld kept, %u attempts lost\n",
           fixture_number(&fixture, "SELECT count(*) FROM purged"),
           fixture_number(&fixture, "SELECT count(*) FROM cases"), lost);
    ck_assert_int_gt(fixture_number(&fixture, "SELECT count(*) FROM purged"), 0);
    ck_assert_uint_gt(lost, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker_race");
    TCase *tests = tcase_create("race");
    tcase_set_timeout(tests, 110);
    tcase_add_unchecked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, test_one_outcome_whoever_races);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
