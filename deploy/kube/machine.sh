#!/usr/bin/env bash
# The first process of the cluster's own process namespace: whatever is started is below it, and ends with it. It makes the network,
# starts the nodes, and lets this machine reach the API.
# shellcheck source=deploy/kube/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -E
trap 'say "${0##*/}: line $LINENO failed"' ERR

# The switch has a namespace of its own: what passes through it is seen by the netfilter of its sender and its receiver, and of no third.
make_switch() {
    ip netns add switch
    ip -n switch link add switch type bridge
    ip -n switch link set switch up
    connect_to_switch outside "$OUTSIDE"
    ip -n outside route add "$SERVICES" via "$(node_address 1)"
}

# A process in the cluster's network takes what comes to a socket that is a file, one in this machine's network sends it there.
forward_api() {
    local file=$RUN/api.sock
    daemon forward-in ip netns exec outside socat "UNIX-LISTEN:$file,fork" "TCP:$(node_address 1):6443"
    daemon forward-out socat "TCP-LISTEN:$(cat "$RUN/port"),bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$file"
}

mount -t tmpfs -o mode=755 tmpfs /run
make_switch
forward_api
for node in "${NODES[@]}"; do "$KUBE/start-node.sh" "$node"; done
# As every first process it takes in the orphans.
sleep infinity &
wait
