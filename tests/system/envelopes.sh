#!/bin/sh
# What ZeroMQ may put before a message to the intake socket: numbered requests, proxies, probes, routing ids that two
# clients share.
# A failure means that an ordinary ZeroMQ client waits forever, and that no log line gives the reason.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
broker_start
worker_start worker
mkfifo "$work/go"
start envelopes sh -c "exec timeout 200 /usr/bin/python3 tests/system/envelopes.py '$intake' <'$work/go'"
clients_pid=$started_pid
exec 4>"$work/go"
wait_until 60 grep -q twins "$work/envelopes.out" || abort "the clients are answered" "$(tail -n 3 "$work/envelopes.err")"
check "the routing id of two clients is in the log" wait_until 20 grep -q "event=ROUTING_ID_TAKEN .*taken_over=1" "$work/broker.err"
echo >&4
wait_until 60 is_gone "$clients_pid" || abort "every client comes to its end" "$(tail -n 3 "$work/envelopes.err")"
reap "$clients_pid"
equal "every client comes to its end" $? 0
sed -i /twins/d "$work/envelopes.out"
while read -r client got wanted; do
    equal "client: $client" "$got" "$wanted"
done <"$work/envelopes.out"
equal "every case has its row" "$(rows)" "$(wc -l <"$work/envelopes.out")"

# A message without a way back is refused and logged. A probe is no fault and is not logged.
equal "one line for each time" "$(grep -c ROUTING_ID_TAKEN "$work/broker.err")" 1
casemill status --all --control "ipc://$work/control" >"$work/status.out" 2>&1
contains "and is counted" "$work/status.out" "^routing_ids_taken_over_total +1$"
equal "nothing was refused" "$(grep -c PEER_REFUSED "$work/broker.err")" 0
/usr/bin/python3 - "$intake" >"$work/deep.out" 2>"$work/deep.err" <<'PYTHON' || abort "an envelope that is too long is sent"
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
socket.send_multipart([b"e"] * 9 + [b"", b"head"])
print(b"bad_head" in socket.recv() if socket.poll(10000) else "silence")
socket.close(linger=0)
PYTHON
equal "an envelope that is too long is refused" "$(cat "$work/deep.out")" True
contains "and is in the log" "$work/broker.err" "event=PEER_REFUSED reason=envelope_too_long frames=9"
stop "$worker_pid"
stop "$broker_pid"
finish
