/* The thread and the lane share a question; the last one to leave it frees it. */
#include "worker/away.h"

#include "base/mem.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct away {
    atomic_uint refs;
    atomic_bool is_answered;
    char *endpoint;           /* owned */
    char text[NET_WHY_BYTES]; /* the thread's until is_answered */
};

static void unref(struct away *question) {
    if (atomic_fetch_sub(&question->refs, 1U) == 1) {
        mem_free(question->endpoint);
        mem_free(question);
    }
}

static void *run(void *argument) {
    struct away *question = argument;
    net_why_away(question->endpoint, question->text);
    atomic_store(&question->is_answered, true);
    unref(question);
    return NULL;
}

enum err away_ask(const char *endpoint, struct away **question, struct diag *diag) {
    struct away *asked = mem_zero(1, sizeof(*asked));
    pthread_t thread;
    atomic_init(&asked->refs, 2);
    asked->endpoint = mem_strdup(endpoint);
    enum err err = thread_start(&thread, run, asked, "the reason", diag);
    if (err != ERR_OK) {
        mem_free(asked->endpoint);
        mem_free(asked);
        return err;
    }
    CHECK(pthread_detach(thread) == 0);
    *question = asked;
    return ERR_OK;
}

bool away_is_answered(const struct away *question, char text[NET_WHY_BYTES]) {
    bool is_answered = atomic_load(&question->is_answered);
    if (is_answered) {
        (void)snprintf(text, NET_WHY_BYTES, "%s", question->text);
    }
    return is_answered;
}

void away_drop(struct away **question) {
    if (*question != NULL) {
        unref(*question);
        *question = NULL;
    }
}
