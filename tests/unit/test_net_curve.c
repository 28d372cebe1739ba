/* Keys: files of them, and sockets that let only the right ones in. */
#include "net/guard.h"

#include "base/clock.h"
#include "base/io.h"

#include <check.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 10000 };

static char folder[64];
static struct diag diag;

static void folder_open(void) {
    (void)snprintf(folder, sizeof(folder), "/tmp/casemill-keys-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    diag = (struct diag){0};
}

static void folder_close(void) {
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *in_folder(const char *name) {
    static char path[2][256];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

static void write_text(const char *name, const char *text) {
    ck_assert_int_eq(io_write_file(in_folder(name), span_str(text), &diag), ERR_OK);
}

static struct net_key_pair pair_make(void) {
    struct net_key_pair pair;
    ck_assert_int_eq(net_key_pair_make(&pair, &diag), ERR_OK);
    return pair;
}

/* A ring of one key, or of none. */
static struct net_keyring *ring_of(const struct net_key_pair *pair, const char *name) {
    struct buf text = BUF_EMPTY;
    if (pair != NULL) {
        buf_printf(&text, "# allowed\n%s %s\n", pair->public_key.text, name);
    }
    struct net_keyring *ring = NULL;
    ck_assert_int_eq(net_keyring_parse(buf_span(&text), "ring", &ring, &diag), ERR_OK);
    buf_free(&text);
    return ring;
}

START_TEST(a_pair_comes_back_from_its_files) {
    struct net_key_pair pair = pair_make();
    struct net_key_pair read;
    struct net_key public_key;
    struct stat status;
    ck_assert_int_eq(net_key_write_pair(folder, "north", &pair, &diag), ERR_OK);
    ck_assert_int_eq(stat(in_folder("north.key"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_int_eq(net_key_read_secret(in_folder("north.key"), &read, &diag), ERR_OK);
    ck_assert_int_eq(net_key_read_public(in_folder("north.pub"), &public_key, &diag), ERR_OK);
    ck_assert_str_eq(read.secret.text, pair.secret.text);
    ck_assert_str_eq(read.public_key.text, pair.public_key.text);
    ck_assert_str_eq(public_key.text, pair.public_key.text);
    ck_assert_int_eq(net_key_write_pair(folder, "north", &pair, &diag), ERR_CONFLICT);
}
END_TEST

START_TEST(a_secret_that_others_may_read_is_refused) {
    struct net_key_pair pair = pair_make();
    ck_assert_int_eq(net_key_write_pair(folder, "north", &pair, &diag), ERR_OK);
    const mode_t modes[] = {0620, 0604, 0610, 0666};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        ck_assert_int_eq(chmod(in_folder("north.key"), modes[i]), 0);
        ck_assert_int_eq(net_key_read_secret(in_folder("north.key"), &pair, &diag), ERR_DENIED);
        ck_assert_ptr_nonnull(strstr(diag.text, "north.key"));
        ck_assert_ptr_null(strstr(diag.text, pair.secret.text));
    }
    ck_assert_int_eq(chmod(in_folder("north.key"), 0400), 0);
    ck_assert_int_eq(net_key_read_secret(in_folder("north.key"), &pair, &diag), ERR_OK);
}
END_TEST

/* Root's file, a group that may read it, a program of another user that is in that group or not: a
 * secret in a volume of Kubernetes with fsGroup.  Needs root, as which the tests run in a
 * container.
 */
enum { SECRET_GROUP = 54321, SOME_USER = 54322, OTHER_USER = 54323 };

static const struct {
    uid_t owner;
    gid_t group;
    mode_t mode;
    gid_t of_program; /* a group beside its own */
    enum err err;
    const char *text;
} SECRETS[] = {
    {0, SECRET_GROUP, 0440, SECRET_GROUP, ERR_OK, ""},
    {SOME_USER, SECRET_GROUP, 0640, SECRET_GROUP, ERR_OK, ""},
    {SOME_USER, SOME_USER, 0440, SECRET_GROUP, ERR_OK, ""}, /* its own group */
    {SOME_USER, 0, 0400, SECRET_GROUP, ERR_OK, ""},
    {SOME_USER, 0, 0440, SECRET_GROUP, ERR_DENIED, "a group that this program is not in"},
    {SOME_USER, SECRET_GROUP, 0440, SOME_USER, ERR_DENIED, "gid 54321, mode 0440"},
    {0, SECRET_GROUP, 0460, SECRET_GROUP, ERR_DENIED, "mode 0460"},
    {0, SECRET_GROUP, 0444, SECRET_GROUP, ERR_DENIED, "mode 0444"},
    {OTHER_USER, SECRET_GROUP, 0440, SECRET_GROUP, ERR_DENIED, "another user owns this secret"},
};

START_TEST(a_secret_may_be_that_of_a_group_of_the_program) {
    struct net_key_pair pair = pair_make();
    struct net_key_pair read;
    const char *path = in_folder("north.key");
    if (geteuid() != 0) {
        (void)printf("skipped: another user's files want root\n");
        return;
    }
    ck_assert_int_eq(net_key_write_pair(folder, "north", &pair, &diag), ERR_OK);
    ck_assert_int_eq(chown(path, SECRETS[_i].owner, SECRETS[_i].group), 0);
    ck_assert_int_eq(chmod(path, SECRETS[_i].mode), 0);
    ck_assert_int_eq(chmod(folder, 0711), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (setgroups(1, &SECRETS[_i].of_program) != 0 || setgid(SOME_USER) != 0 ||
            setuid(SOME_USER) != 0) {
            _exit(1);
        }
        enum err err = net_key_read_secret(path, &read, &diag);
        bool as_wanted = err == SECRETS[_i].err && strstr(diag.text, SECRETS[_i].text) != NULL;
        if (!as_wanted) {
            (void)fprintf(stderr, "case %d: %s: %s\n", _i, err_name(err), diag.text);
        }
        _exit(as_wanted ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(files_that_are_no_keys_are_refused) {
    struct net_key_pair pair = pair_make();
    struct net_keyring *ring = NULL;
    struct net_key key;
    char name[NET_KEY_NAME_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ck_assert_int_eq(net_key_write_pair(folder, "north", &pair, &diag), ERR_OK);
    /* Each in the other's place. */
    ck_assert_int_eq(net_keyring_read(in_folder("north.key"), &ring, &diag), ERR_INVALID);
    ck_assert_uint_eq(diag.line, 2);
    ck_assert_ptr_null(strstr(diag.text, pair.secret.text));
    ck_assert_int_eq(chmod(in_folder("north.pub"), 0600), 0);
    ck_assert_int_eq(net_key_read_secret(in_folder("north.pub"), &pair, &diag), ERR_INVALID);
    ck_assert_int_eq(net_key_read_secret(in_folder("none.key"), &pair, &diag), ERR_NOT_FOUND);
    ck_assert_int_eq(mkfifo(in_folder("fifo.key"), 0600), 0); /* nobody writes: no wait for it */
    ck_assert_int_eq(net_key_read_secret(in_folder("fifo.key"), &pair, &diag), ERR_INVALID);
    ck_assert_int_eq(unlink(in_folder("fifo.key")), 0);
    ck_assert_int_eq(net_keyring_read(in_folder("none"), &ring, &diag), ERR_NOT_FOUND);
    /* Bad lines: no name, a short key, a character that Z85 lacks, a NUL, a name too long. */
    static const char *const BAD[] = {"0123456789012345678901234567890123456789",
                                      "0123456789012345678901234567890123456789 ",
                                      "012345678901234567890123456789012345678 north",
                                      "01234567890123456789012345678901234567~9 north",
                                      "0123456789012345678901234567890123456789  north",
                                      "0123456789012345678901234567890123456789 no\trth"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        write_text("bad", BAD[i]);
        ck_assert_msg(net_keyring_read(in_folder("bad"), &ring, &diag) == ERR_INVALID, "%s",
                      BAD[i]);
        ck_assert_uint_eq(diag.line, 1);
    }
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "%s %s\n", pair.public_key.text, name);
    write_text("bad", "");
    ck_assert_int_eq(io_write_file(in_folder("bad"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(in_folder("bad"), &ring, &diag), ERR_INVALID);
    text.len = NET_KEY_BYTES + 1 + NET_KEY_NAME_MAX;
    ck_assert_int_eq(io_write_file(in_folder("good"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(in_folder("good"), &ring, &diag), ERR_OK);
    net_keyring_free(&ring);
    text.ptr[NET_KEY_BYTES / 2] = 0;
    ck_assert_int_eq(io_write_file(in_folder("bad"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(in_folder("bad"), &ring, &diag), ERR_INVALID);
    buf_free(&text);
    ck_assert_int_eq(net_key_write_pair(folder, name, &pair, &diag), ERR_INVALID);
    ck_assert_int_eq(net_key_write_pair(folder, "../north", &pair, &diag), ERR_INVALID);
    ck_assert_int_eq(net_key_write_pair(folder, "", &pair, &diag), ERR_INVALID);
    write_text("empty.pub", "# nothing\n\n");
    ck_assert_int_eq(net_key_read_public(in_folder("empty.pub"), &key, &diag), ERR_INVALID);
    ck_assert_ptr_null(ring);
}
END_TEST

START_TEST(files_are_bounded) {
    struct net_keyring *ring = NULL;
    struct net_key_pair pair;
    struct buf text = BUF_EMPTY;
    for (int i = 0; i < 2000; i++) {
        buf_str(&text, "# a comment, and another one\n");
    }
    ck_assert_int_eq(io_write_file(in_folder("long"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(chmod(in_folder("long"), 0600), 0);
    ck_assert_int_eq(net_key_read_secret(in_folder("long"), &pair, &diag), ERR_TOO_LARGE);
    buf_clear(&text);
    for (int i = 0; i < NET_KEYS_MAX + 1; i++) {
        buf_printf(&text, "%040d n\n", i);
    }
    ck_assert_int_eq(io_write_file(in_folder("long"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(in_folder("long"), &ring, &diag), ERR_TOO_LARGE);
    while (text.len <= 1 << 20) {
        buf_str(&text, "# a comment, and another one\n");
    }
    ck_assert_int_eq(io_write_file(in_folder("long"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(in_folder("long"), &ring, &diag), ERR_TOO_LARGE);
    buf_free(&text);
}
END_TEST

START_TEST(a_ring_is_a_directory_or_a_file) {
    struct net_key_pair first = pair_make();
    struct net_key_pair second = pair_make();
    struct net_key_pair third = pair_make();
    struct net_keyring *ring = NULL;
    ck_assert_int_eq(net_key_write_pair(folder, "north", &first, &diag), ERR_OK);
    ck_assert_int_eq(net_key_write_pair(folder, "south", &second, &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(folder, &ring, &diag), ERR_OK);
    ck_assert_uint_eq(net_keyring_count(ring), 2); /* the secrets beside them are not read */
    ck_assert_str_eq(net_keyring_name(ring, span_str(first.public_key.text)), "north");
    ck_assert_str_eq(net_keyring_name(ring, span_str(second.public_key.text)), "south");
    ck_assert_ptr_null(net_keyring_name(ring, span_str(third.public_key.text)));
    ck_assert_ptr_null(net_keyring_name(ring, SPAN_LIT("")));
    net_keyring_free(&ring);
    /* A name may have two keys; a key may not have two names. */
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "%s north\r\n%s north\n", third.public_key.text, first.public_key.text);
    ck_assert_int_eq(io_write_file(in_folder("more.pub"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(folder, &ring, &diag), ERR_OK);
    ck_assert_uint_eq(net_keyring_count(ring), 3);
    ck_assert_str_eq(net_keyring_name(ring, span_str(third.public_key.text)), "north");
    net_keyring_free(&ring);
    buf_clear(&text);
    buf_printf(&text, "%s south\n", first.public_key.text);
    ck_assert_int_eq(io_write_file(in_folder("more.pub"), buf_span(&text), &diag), ERR_OK);
    ck_assert_int_eq(net_keyring_read(folder, &ring, &diag), ERR_CONFLICT);
    buf_free(&text);
    ck_assert_ptr_null(ring);
}
END_TEST

struct wire {
    struct net *net, *peers;
    struct net_guard *guard;
    struct net_socket *router, *dealer;
    struct net_key_pair broker, north;
};

static struct wire wire_open(struct net_keyring *ring) {
    struct wire wire = {.broker = pair_make()};
    struct net_curve curve = {.own = wire.broker, .domain = "intake"};
    struct net_options options = {.message_bytes_max = 1000, .curve = &curve};
    ck_assert_int_eq(net_open(&wire.net, &diag), ERR_OK);
    ck_assert_int_eq(net_open(&wire.peers, &diag), ERR_OK);
    ck_assert_int_eq(net_guard_open(wire.net, &wire.guard, &diag), ERR_OK);
    net_guard_set(wire.guard, "intake", &ring);
    ck_assert_int_eq(net_router_bind(wire.net, "tcp://127.0.0.1:0", &options, &wire.router, &diag),
                     ERR_OK);
    return wire;
}

static void wire_close(struct wire *wire) {
    net_socket_close(&wire->dealer);
    net_socket_close(&wire->router);
    net_guard_close(&wire->guard);
    net_close(&wire->net);
    net_close(&wire->peers);
}

static void dial(struct wire *wire, const struct net_key_pair *own, const struct net_key *server) {
    struct net_curve curve = {0};
    struct net_options options = {.message_bytes_max = 1000};
    if (own != NULL) {
        curve.own = *own;
        curve.server = *server;
        options.curve = &curve;
    }
    net_socket_close(&wire->dealer);
    ck_assert_int_eq(
        net_dealer_connect(wire->peers, net_endpoint(wire->router), &options, &wire->dealer, &diag),
        ERR_OK);
    struct net_part part;
    net_part_copy(&part, SPAN_LIT("hello"));
    ck_assert_int_eq(net_send(wire->dealer, NULL, &part, 1), ERR_OK);
}

/* Turns until a message is there, or the dealer has a fault. */
static bool heard(struct wire *wire, struct net_message *message) {
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (clock_mono_ms() < deadline) {
        struct net_poll_item items[] = {{.socket = wire->router},
                                        {.socket = net_guard_socket(wire->guard)}};
        ck_assert_int_eq(net_poll(items, COUNT_OF(items), 20), ERR_OK);
        net_guard_step(wire->guard);
        if (net_recv(wire->router, message) == ERR_OK) {
            return true;
        }
        if (net_connect_fault(wire->dealer) != NULL) {
            return false;
        }
    }
    ck_abort_msg("neither a message nor a fault");
    return false;
}

START_TEST(the_right_key_is_let_in_and_named) {
    struct net_key_pair north = pair_make();
    struct wire wire = wire_open(ring_of(&north, "north station"));
    struct net_message message;
    dial(&wire, &north, &wire.broker.public_key);
    ck_assert(heard(&wire, &message));
    ck_assert_str_eq(net_guard_name(wire.guard, "intake", &message), "north station");
    ck_assert_ptr_null(net_guard_name(wire.guard, "worker", &message));
    ck_assert_ptr_null(net_connect_fault(wire.dealer));
    ck_assert_uint_eq(net_guard_refused(wire.guard), 0);
    ck_assert_uint_eq(net_fault_count(wire.router), 0);
    /* Renamed, then revoked, while the connection stands. */
    struct net_keyring *ring = ring_of(&north, "south station");
    net_guard_set(wire.guard, "intake", &ring);
    ck_assert_ptr_null(ring);
    ck_assert_str_eq(net_guard_name(wire.guard, "intake", &message), "south station");
    ring = ring_of(NULL, NULL);
    net_guard_set(wire.guard, "intake", &ring);
    ck_assert_ptr_null(net_guard_name(wire.guard, "intake", &message));
    net_message_close(&message);
    wire_close(&wire);
}
END_TEST

START_TEST(an_unknown_key_is_turned_away) {
    struct net_key_pair north = pair_make();
    struct net_key_pair other = pair_make();
    struct wire wire = wire_open(ring_of(&north, "north"));
    struct net_message message;
    dial(&wire, &other, &wire.broker.public_key);
    ck_assert(!heard(&wire, &message));
    ck_assert_ptr_nonnull(strstr(net_connect_fault(wire.dealer), "does not allow this key"));
    ck_assert_uint_ge(net_guard_refused(wire.guard), 1);
    ck_assert_uint_eq(net_connect_count(wire.dealer), 0);
    /* Added: the same socket comes in by itself. */
    struct net_keyring *ring = ring_of(&other, "other");
    net_guard_set(wire.guard, "intake", &ring);
    bool came = false;
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (!came && clock_mono_ms() < deadline) {
        struct net_part part; /* what was sent before is gone with the refused connection */
        net_part_copy(&part, SPAN_LIT("hello"));
        enum err err = net_send(wire.dealer, NULL, &part, 1);
        ck_assert(err == ERR_OK || err == ERR_AGAIN);
        came = heard(&wire, &message);
        clock_sleep_ms(came ? 0 : 20);
    }
    ck_assert(came);
    ck_assert_uint_eq(net_connect_count(wire.dealer), 2);
    ck_assert_str_eq(net_guard_name(wire.guard, "intake", &message), "other");
    ck_assert_ptr_null(net_connect_fault(wire.dealer));
    net_message_close(&message);
    wire_close(&wire);
}
END_TEST

START_TEST(another_brokers_key_and_no_key_are_distinguished) {
    struct net_key_pair north = pair_make();
    struct net_key_pair other = pair_make();
    struct wire wire = wire_open(ring_of(&north, "north"));
    struct net_message message;
    dial(&wire, &north, &other.public_key);
    ck_assert(!heard(&wire, &message));
    ck_assert_ptr_nonnull(strstr(net_connect_fault(wire.dealer), "wrong public key of the broker"));
    ck_assert_uint_ge(net_fault_count(wire.router), 1);
    dial(&wire, NULL, NULL);
    ck_assert(!heard(&wire, &message));
    ck_assert_ptr_nonnull(strstr(net_connect_fault(wire.dealer), "requires keys"));
    ck_assert_uint_eq(net_guard_refused(wire.guard), 0); /* no key was shown */
    wire_close(&wire);
}
END_TEST

START_TEST(keys_for_a_broker_without_keys_are_reported) {
    struct net_key_pair north = pair_make();
    struct wire wire = wire_open(ring_of(&north, "north"));
    struct net_options plain = {.message_bytes_max = 1000};
    struct net_message message;
    net_socket_close(&wire.router);
    ck_assert_int_eq(net_router_bind(wire.net, "tcp://127.0.0.1:0", &plain, &wire.router, &diag),
                     ERR_OK);
    dial(&wire, &north, &wire.broker.public_key);
    ck_assert(!heard(&wire, &message));
    ck_assert_ptr_nonnull(strstr(net_connect_fault(wire.dealer), "keys"));
    dial(&wire, NULL, NULL);
    ck_assert(heard(&wire, &message));
    ck_assert_ptr_null(net_guard_name(wire.guard, "intake", &message));
    net_message_close(&message);
    wire_close(&wire);
}
END_TEST

/* libzmq would accept every peer: both are programmer's errors that end the program. */
START_TEST(keys_without_a_guard_are_a_bug) {
    struct net *net = NULL;
    struct net_socket *router = NULL;
    struct net_curve curve = {.own = pair_make(), .domain = "intake"};
    struct net_options options = {.message_bytes_max = 1000, .curve = &curve};
    ck_assert_int_eq(net_open(&net, &diag), ERR_OK);
    ck_assert_int_eq(net_router_bind(net, "tcp://127.0.0.1:0", &options, &router, &diag), ERR_OK);
}
END_TEST

START_TEST(a_guard_outlives_its_sockets) {
    struct wire wire = wire_open(ring_of(NULL, NULL));
    net_guard_close(&wire.guard);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_curve");
    TCase *tests = tcase_create("net_curve");
    tcase_add_checked_fixture(tests, folder_open, folder_close);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_pair_comes_back_from_its_files);
    tcase_add_test(tests, a_secret_that_others_may_read_is_refused);
    tcase_add_loop_test(tests, a_secret_may_be_that_of_a_group_of_the_program, 0,
                        (int)COUNT_OF(SECRETS));
    tcase_add_test(tests, files_that_are_no_keys_are_refused);
    tcase_add_test(tests, files_are_bounded);
    tcase_add_test(tests, a_ring_is_a_directory_or_a_file);
    tcase_add_test(tests, the_right_key_is_let_in_and_named);
    tcase_add_test(tests, an_unknown_key_is_turned_away);
    tcase_add_test(tests, another_brokers_key_and_no_key_are_distinguished);
    tcase_add_test(tests, keys_for_a_broker_without_keys_are_reported);
    /* Without a folder, which nobody would take away. */
    TCase *bugs = tcase_create("bugs");
    tcase_add_test_raise_signal(bugs, keys_without_a_guard_are_a_bug, SIGABRT);
    tcase_add_test_raise_signal(bugs, a_guard_outlives_its_sockets, SIGABRT);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, bugs);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
