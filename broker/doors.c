/* Connections by socket.  An attacker may reach a limit very often: it is logged at once and then
 * at most every ten seconds, with the count since. */
#include "broker/broker.h"

#include "base/log.h"

enum { LOG_AGAIN_MS = 10000 };

/* How many are not logged yet; 0: nothing is to be logged now. */
static uint64_t not_logged(const struct broker *broker, uint64_t count, uint64_t *logged,
                           int64_t *logged_at) {
    bool is_due = *logged == 0 || broker->now - *logged_at >= LOG_AGAIN_MS;
    uint64_t fresh = is_due ? count - *logged : 0;
    if (fresh > 0) {
        *logged = count;
        *logged_at = broker->now;
    }
    return fresh;
}

static void log_limits(struct broker *broker, enum keys_role role) {
    const struct net_door_state *door = &broker->doors[role];
    uint64_t times = not_logged(broker, door->full_count, &broker->doors_logged[role],
                                &broker->doors_logged_at[role]);
    if (times > 0) {
        LOG(EV_CONNECTIONS_FULL, "socket=%s connections=%u connections_max=%u times=%llu",
            keys_role_name(role), door->connections, door->connections_max,
            (unsigned long long)times);
    }
    times = not_logged(broker, door->heavy_count, &broker->heavy_logged[role],
                       &broker->heavy_logged_at[role]);
    if (times > 0) {
        LOG(EV_CONNECTIONS_HEAVY, "socket=%s connections=%llu unread_bytes_max=%llu",
            keys_role_name(role), (unsigned long long)times,
            (unsigned long long)door->unread_bytes_max);
    }
}

void doors_look(struct broker *broker) {
    struct net_socket *sockets[KEYS_ROLES] = {broker->intake, broker->worker, broker->control};
    for (int role = 0; broker->now != broker->doors_at && role < KEYS_ROLES; role++) {
        net_door_state(sockets[role], &broker->doors[role]);
        log_limits(broker, (enum keys_role)role);
    }
    broker->doors_at = broker->now;
}
