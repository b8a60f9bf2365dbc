#!/usr/bin/env bash
# start-node.sh N: plugs node N into the switch and starts it, with an empty disk. Runs among the processes of machine.sh.
# shellcheck source=deploy/kube/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -E
trap 'say "${0##*/}: line $LINENO failed"' ERR

readonly N=$1 NAME=node$1

# Puts this process into a control group of its own below the one that everything is in, of each controller.
enter_cgroup() {
    local controller folder
    while read -r controller folder; do
        for folder in "$folder" "$folder/$NAME"; do
            mkdir -p "$folder"
            [[ $controller == cpuset ]] || continue
            cat "${folder%/*}/cpuset.cpus" >"$folder/cpuset.cpus"
            cat "${folder%/*}/cpuset.mems" >"$folder/cpuset.mems"
        done
        echo "$BASHPID" >"$folder/cgroup.procs"
    done <"$RUN/cgroups"
}

connect() {
    connect_to_switch "$NAME" "$(node_address "$N")"
    # Nothing lies beyond; but kube-proxy sees only what has a route.
    ip -n "$NAME" route add default via "$OUTSIDE"
}

rm -rf "${STATE:?}/$NAME"
[[ -e /run/netns/$NAME ]] || connect
(
    enter_cgroup
    exec nsenter --net="/run/netns/$NAME" setsid unshare --mount --pid --cgroup --uts --ipc --fork --mount-proc --kill-child \
        "$KUBE/node.sh" "$N"
) >"$LOGS/$NAME.log" 2>&1 </dev/null &
note_init "$NAME" $! node.sh
