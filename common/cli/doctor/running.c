/* The running broker, and the keys for the way to it. */
#include "cli/control_ask.h"
#include "cli/doctor/check.h"

#include <jansson.h>
#include <string.h>

enum { WAIT_MS = 2000 };

void doctor_keys(const struct options *options, struct findings *findings) {
    const char *key = option_key(options);
    const char *broker_key = option_broker_key(options);
    struct net_curve curve;
    struct diag diag = {0};
    if (key[0] == '\0' && broker_key[0] == '\0') {
        finding_add(findings, "keys", FINDING_OK, NULL,
                    "none are given, none are needed on one host");
    } else if (net_curve_read(key, broker_key, &curve, &diag) != ERR_OK) {
        finding_add(findings, "keys", FINDING_FAULT, "correct --key and --broker-key", "%s",
                    diag.text);
    } else {
        finding_add(findings, "keys", FINDING_OK, NULL, "%s and %s can be read", key, broker_key);
    }
}

static const char *text_of(const json_t *status, const char *name) {
    const char *text = json_string_value(json_object_get(status, name));
    return text == NULL ? "" : text;
}

static const char *advice_for(const char *unready) {
    static const struct {
        const char *word, *advice;
    } rows[] = {{"no lane", "start casemill-worker, and see casemill workers"},
                {"paused", "casemill resume"},
                {"drain", "casemill resume"},
                {"journal", "see the journal's line of casemill status"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strstr(unready, rows[i].word) != NULL) {
            return rows[i].advice;
        }
    }
    return "see casemill status, and the log of the broker";
}

void doctor_broker(const struct options *options, struct findings *findings) {
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    const struct control_peer peer = control_peer(options);
    if (control_ask(&peer, "STATUS", "", WAIT_MS, &reply, &diag) != ERR_OK) {
        finding_add(findings, "broker", FINDING_FAULT,
                    "start casemill-broker, or give its address with --control", "%s", diag.text);
        buf_free(&reply);
        return;
    }
    json_t *status = json_loadb((const char *)reply.ptr, reply.len, JSON_REJECT_DUPLICATES, NULL);
    const char *unready = text_of(status, "unready");
    const char *version = text_of(status, "version");
    if (version[0] == '\0' || !json_is_integer(json_object_get(status, "lanes"))) {
        finding_add(findings, "broker", FINDING_FAULT, "see what program has this address",
                    "the answer of %s is no status of a broker", peer.endpoint);
        json_decref(status);
        buf_free(&reply);
        return;
    }
    if (unready[0] != '\0') {
        finding_add(findings, "broker", FINDING_FAULT, advice_for(unready), "%s is not ready: %s",
                    peer.endpoint, unready);
    } else {
        finding_add(findings, "broker", FINDING_OK, NULL, "%s is ready, with %lld lanes",
                    peer.endpoint, (long long)json_integer_value(json_object_get(status, "lanes")));
    }
    if (strcmp(version, CASEMILL_VERSION) != 0) {
        finding_add(findings, "version", FINDING_WARNING, "install one version of both",
                    "the broker is %s, this program " CASEMILL_VERSION, version);
    }
    json_decref(status);
    buf_free(&reply);
}
