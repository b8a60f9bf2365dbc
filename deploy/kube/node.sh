#!/usr/bin/env bash
# node.sh N: the first process of a node, in namespaces of its own: it makes them look like a machine and starts what a node runs. The
# first node also has the control plane.
# shellcheck source=deploy/kube/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -E
trap 'say "${0##*/}: line $LINENO failed"' ERR

readonly N=$1 NAME=node$1 SOCKET=/run/containerd.sock
FOLDER=$STATE/$NAME
readonly FOLDER

# Of each controller the node's own part, and of the machine's settings those of the network. What the kubelet wants to set for the whole
# machine it finds set, in files that only the node sees.
hide_machine() {
    local controllers part name value
    mount --make-rshared /
    mount -t sysfs sysfs /sys
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    while read -r controllers _; do
        part=/sys/fs/cgroup/${controllers#name=}
        mkdir "$part"
        mount -t cgroup -o "${controllers/#name=/none,name=}" cgroup "$part"
        for name in ${controllers//,/ }; do [[ $controllers != *,* ]] || ln -s "$controllers" "/sys/fs/cgroup/$name"; done
    done <"$RUN/cgroups"
    for part in kernel vm fs; do
        mount --bind "/proc/sys/$part" "/proc/sys/$part"
        mount -o remount,ro,bind "/proc/sys/$part"
    done
    # What it writes to places that programs know by heart goes away with it.
    for part in /run /var/lib /var/log; do mount -t tmpfs -o mode=755 tmpfs "$part"; done
    mount --make-rshared /run
    mkdir -p /run/sysctl /run/lock /run/cni/net.d
    while read -r name value; do
        echo "$value" >"/run/sysctl/${name//\//.}"
        mount --bind "/run/sysctl/${name//\//.}" "/proc/sys/$name"
    done <<'S'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
S
    hostname "$NAME"
    sysctl -qw net.ipv4.ip_forward=1
}

# configure FILE TO
configure() {
    sed "s#@FOLDER@#$FOLDER#g; s#@SOCKET@#$SOCKET#g; s#@PKI@#$PKI#g; s#@NODE@#$NAME#g; s#@DNS@#$DNS#g; s#@PODS@#$(pod_subnet "$N")#g" \
        "$KUBE/config/$1" >"$2"
}

start_containerd() {
    local archive
    mkdir -p "$FOLDER"
    configure cni.json /run/cni/net.d/pods.conflist
    configure containerd.toml "$FOLDER/containerd.toml"
    daemon "$NAME-containerd" containerd --config "$FOLDER/containerd.toml"
    wait_for 20 ctr --address "$SOCKET" version
    for archive in "$ARCHIVES"/*.tar; do
        ctr --address "$SOCKET" --namespace k8s.io images import "$archive" >/dev/null
    done
}

# Which connections begin, for who asks later whether policies would have allowed them.
watch_flows() {
    daemon "$NAME-flows-$EPOCHSECONDS" conntrack --event --event-mask NEW --output timestamp --buffer-size 8388608
}

start_kubelet() {
    configure kubelet.yaml "$FOLDER/kubelet.yaml"
    configure proxy.yaml "$FOLDER/proxy.yaml"
    daemon "$NAME-kubelet" hyperkube kubelet --config="$FOLDER/kubelet.yaml" --kubeconfig="$PKI/$NAME.kubeconfig" \
        --root-dir=/run/kubelet --hostname-override="$NAME" --node-ip="$(node_address "$N")" \
        --node-labels="topology.kubernetes.io/zone=${ZONES[N]}"
    daemon "$NAME-proxy" hyperkube kube-proxy --config="$FOLDER/proxy.yaml"
}

hide_machine
((N != 1)) || "$KUBE/control-plane.sh"
start_containerd
watch_flows
start_kubelet
# As every first process it takes in the orphans.
sleep infinity &
wait
