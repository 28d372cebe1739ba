/* Connections by socket.  An attacker may reach a limit many times a second: it is logged at once
 * and then at most every ten seconds, with how often it was reached meanwhile. */
#include "broker/broker.h"

#include "base/log.h"

enum { SAY_AGAIN_MS = 10000 };

/* How many there are more than were logged; 0: nothing is to be logged now. */
static uint64_t news(const struct broker *broker, uint64_t count, uint64_t *said,
                     int64_t *said_at) {
    bool is_due = *said == 0 || broker->now - *said_at >= SAY_AGAIN_MS;
    uint64_t fresh = is_due ? count - *said : 0;
    if (fresh > 0) {
        *said = count;
        *said_at = broker->now;
    }
    return fresh;
}

static void say(struct broker *broker, enum keys_role role) {
    const struct net_door_state *door = &broker->doors[role];
    uint64_t times =
        news(broker, door->full_count, &broker->doors_said[role], &broker->doors_said_at[role]);
    if (times > 0) {
        LOG(EV_CONNECTIONS_FULL, "socket=%s connections=%u connections_max=%u times=%llu",
            keys_role_name(role), door->connections, door->connections_max,
            (unsigned long long)times);
    }
    times =
        news(broker, door->heavy_count, &broker->heavy_said[role], &broker->heavy_said_at[role]);
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
        say(broker, (enum keys_role)role);
    }
    broker->doors_at = broker->now;
}
