# shellcheck shell=bash disable=SC2034 # what is set here is used by the scripts that source it
# What the scripts of `make kube` share: pinned tools, where things lie, addresses. Sourced, never run.
# shellcheck source=deploy/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../dev/lib.sh"


readonly KUBE=$ROOT/deploy/kube
readonly TOOLS=$ROOT/.confab/tools/kube
readonly STATE=$ROOT/.confab/kube # of the cluster that runs; one at a time
readonly PKI=$STATE/pki LOGS=$STATE/logs RUN=$STATE/run ARCHIVES=$STATE/images
readonly NODES=(1 2 3) ZONES=([1]=a [2]=b [3]=c)

# The network between nodes is 10.231.0.0/24: nodes have their number, stores and clients 9. Pods of node N are 10.244.N.0/24.
node_address() { echo "10.231.0.$1"; }
pod_subnet() { echo "10.244.$1.0/24"; }
readonly OUTSIDE=10.231.0.9 SERVICES=10.96.0.0/16 DNS=10.96.0.10

PATH=$TOOLS/bin:$PATH:/usr/sbin:/sbin

# What this cannot do without, in one sentence and with status 2.
refuse() {
    say "make kube: $1"
    exit 2
}

# daemon NAME COMMAND…: runs in the background; its log and its process id have its name.
daemon() {
    local name=$1
    shift
    setsid "$@" >"$LOGS/$name.log" 2>&1 </dev/null &
    echo $! >"$RUN/$name.pid"
}

# note_init NAME PARENT SCRIPT: keeps the process id of the script that the parent runs as the first process of a namespace.
note_init() {
    wait_for 20 pgrep -P "$2" -f "/$3"
    pgrep -P "$2" -f "/$3" >"$RUN/$1.init"
}

# connect_to_switch NAME ADDRESS: a network namespace that reaches the nodes and their pods.
connect_to_switch() {
    local name=$1 node
    ip netns add "$name"
    ip link add "$name" netns switch type veth peer name eth0 netns "$name"
    ip -n switch link set "$name" master switch up
    ip -n "$name" address add "$2/24" dev eth0
    ip -n "$name" link set lo up
    ip -n "$name" link set eth0 up
    for node in "${NODES[@]}"; do
        [[ $name == "node$node" ]] || ip -n "$name" route add "$(pod_subnet "$node")" via "$(node_address "$node")"
    done
}

# ---- from outside of the namespaces

# The process id of what holds everything, as this machine sees it, and of the first process of a node, as that one sees it.
init_of() { cat "$RUN/$1.init"; }
is_up() { grep -qsz machine.sh "/proc/$(cat "$RUN/machine.init" 2>/dev/null)/cmdline"; }

# in_machine COMMAND…: runs a command among the processes and mounts of what holds everything: it ends with it.
in_machine() { nsenter --target "$(init_of machine)" --mount --pid --wd="$PWD" -- "$@"; }
# outside COMMAND…: the same, in the network of clients and stores.
outside() { in_machine nsenter --net=/run/netns/outside -- "$@"; }
# on_node N COMMAND…: the same, as a process of a node.
on_node() {
    local init
    init=$(init_of "node$1") || return
    shift
    in_machine nsenter --target "$init" --all --wd="$PWD" -- "$@"
}
