/* Connections by socket.  An attacker may reach a limit very often: it is logged at once and then
 * at most every ten seconds, with the count since. */
#include "broker/doors.h"

#include "base/log.h"
#include "broker/keys.h"

enum { LOG_AGAIN_MS = 10000 };

/* How many are not logged yet; 0: nothing is to be logged now. */
static uint64_t not_logged(struct doors_logged *logged, uint64_t count, int64_t now) {
    bool is_due = logged->count == 0 || now - logged->at >= LOG_AGAIN_MS;
    uint64_t fresh = is_due ? count - logged->count : 0;
    if (fresh > 0) {
        *logged = (struct doors_logged){.count = count, .at = now};
    }
    return fresh;
}

static void look(struct doors *doors, const struct shell *shell, enum wire_socket which) {
    struct net_door_state door;
    net_door_state(shell->sockets[which], &door);
    uint64_t times = not_logged(&doors->full[which], door.full_count, shell->now);
    if (times > 0) {
        LOG(EV_CONNECTIONS_FULL, "socket=%s connections=%u connections_max=%u times=%llu",
            keys_socket_name(which), door.connections, door.connections_max,
            (unsigned long long)times);
    }
    times = not_logged(&doors->heavy[which], door.heavy_count, shell->now);
    if (times > 0) {
        LOG(EV_CONNECTIONS_HEAVY, "socket=%s connections=%llu unread_bytes_max=%llu",
            keys_socket_name(which), (unsigned long long)times,
            (unsigned long long)door.unread_bytes_max);
    }
}

void doors_look(struct doors *doors, const struct shell *shell) {
    for (int which = 0; shell->now != doors->looked_at && which < WIRE_SOCKET_COUNT; which++) {
        look(doors, shell, (enum wire_socket)which);
    }
    doors->looked_at = shell->now;
}
