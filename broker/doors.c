/* Connections by socket.  An attacker may reach a limit many times a second: it is logged at once
 * and then at most every ten seconds, with how often it was reached meanwhile. */
#include "broker/broker.h"

#include "base/log.h"

enum { SAY_AGAIN_MS = 10000 };

static void say_full(struct broker *broker, enum keys_role role) {
    const struct net_door_state *door = &broker->doors[role];
    bool is_due =
        broker->doors_said[role] == 0 || broker->now - broker->doors_said_at[role] >= SAY_AGAIN_MS;
    if (door->full_count == broker->doors_said[role] || !is_due) {
        return;
    }
    LOG(EV_CONNECTIONS_FULL, "socket=%s connections=%u connections_max=%u times=%llu",
        keys_role_name(role), door->connections, door->connections_max,
        (unsigned long long)(door->full_count - broker->doors_said[role]));
    broker->doors_said[role] = door->full_count;
    broker->doors_said_at[role] = broker->now;
}

void doors_look(struct broker *broker) {
    struct net_socket *sockets[KEYS_ROLES] = {broker->intake, broker->worker, broker->control};
    for (int role = 0; broker->now != broker->doors_at && role < KEYS_ROLES; role++) {
        net_door_state(sockets[role], &broker->doors[role]);
        say_full(broker, (enum keys_role)role);
    }
    broker->doors_at = broker->now;
}
