#!/usr/bin/env bash
# The first process of a process namespace: whatever is started is below it, and ends with it. It makes a network of two hosts, and boots
# Debian on one of them, again and again where that reboots.
# shellcheck source=deploy/debian/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -E
trap 'say "${0##*/}: line $LINENO failed"' ERR
readonly REBOOTED=133 # what systemd-nspawn ends with then

connect() {
    local name
    for name in machine clients; do ip netns add "$name"; done
    ip link add host0 netns machine type veth peer name host0 netns clients
    ip -n machine address add "$ADDRESS/24" dev host0
    ip -n clients address add "$CLIENTS/24" dev host0
    for name in machine clients; do
        ip -n "$name" link set lo up
        ip -n "$name" link set host0 up
    done
}

boot() {
    systemd-nspawn --quiet --directory="$MACHINE/root" --machine=debian --register=no --keep-unit --boot --console=pipe \
        --link-journal=no --network-namespace-path=/run/netns/machine --bind-ro="$PACKAGES:/packages" </dev/null &
    wait $!
}

while read -r folder; do echo "$BASHPID" >"$folder/cgroup.procs"; done <"$RUN/cgroups"
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
connect
mount -t overlay -o "lowerdir=$BASE,upperdir=$MACHINE/upper,workdir=$MACHINE/work" overlay "$MACHINE/root"
while :; do
    status=0
    boot || status=$?
    ((status == REBOOTED)) || exit "$status"
done
