/* Purpose: which lanes may take part on tcp without keys.  Threads: the loop's. */
#ifndef CASEMILL_BROKER_PROOF_H
#define CASEMILL_BROKER_PROOF_H

#include "broker/shell.h"
#include "net/secret.h"
#include "settings/settings.h"

enum { PROOF_CHALLENGED_MAX = 256 };
struct proof {
    bool is_wanted;
    struct net_secret secret;
    uint8_t key[KEY_BYTES];             /* of this process: of its challenges */
    struct challenged {                 /* a peer that has not answered yet */
        uint64_t route;                 /* hash */
        int64_t due;                    /* when it is logged */
    } challenged[PROOF_CHALLENGED_MAX]; /* the latest of each index */
};

/* The file of the journal's directory that a lane proves it can read. */
#define PROOF_FILE "lane.secret"

bool proof_is_off(const struct settings *settings); /* lanes prove nothing, in no way */
/* proof_open reads the secret or makes it.  Errors: as net_secret_take. */
MUST_USE enum err proof_open(struct proof *proof, const struct settings *settings,
                             struct diag *diag);
/* proof_holds: READY may go to the core; else the lane was sent a challenge, or refused. */
bool proof_holds(struct proof *proof, struct shell *shell, const struct net_route *route,
                 const struct wire_ready *ready);
/* proof_is_given: any other message may go to the core; is_result: a result of work.  Else the lane
 * was asked for READY. */
bool proof_is_given(const struct proof *proof, struct shell *shell, const struct net_route *route,
                    bool is_result);

#endif
