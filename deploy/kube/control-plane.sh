#!/usr/bin/env bash
# Starts etcd and what decides in the cluster, on the node that this runs on.
# shellcheck source=deploy/kube/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -E
trap 'say "${0##*/}: line $LINENO failed"' ERR

readonly ETCD=http://127.0.0.1:2379

start_etcd() {
    # A cluster that ends with its processes needs no disk to wait for.
    daemon etcd etcd --data-dir "$STATE/etcd" --listen-client-urls "$ETCD" --advertise-client-urls "$ETCD" \
        --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
}

start_apiserver() {
    daemon apiserver hyperkube kube-apiserver --etcd-servers="$ETCD" --allow-privileged=true \
        --advertise-address="$(node_address 1)" --secure-port=6443 --service-cluster-ip-range="$SERVICES" \
        --client-ca-file="$PKI/ca.crt" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$PKI/accounts.pub" \
        --service-account-signing-key-file="$PKI/accounts.key" \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
        --kubelet-client-certificate="$PKI/admin.crt" --kubelet-client-key="$PKI/admin.key" \
        --kubelet-preferred-address-types=InternalIP \
        --requestheader-client-ca-file="$PKI/ca.crt" --requestheader-allowed-names=front-proxy \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
        --requestheader-extra-headers-prefix=X-Remote-Extra- \
        --proxy-client-cert-file="$PKI/front.crt" --proxy-client-key-file="$PKI/front.key" --enable-aggregator-routing=true
}

# start_decider NAME KUBECONFIG ARGUMENT…: there is one of each, so nobody elects.
start_decider() {
    local name=$1 config=$PKI/$2.kubeconfig
    shift 2
    daemon "$name" hyperkube "$name" --kubeconfig="$config" --authentication-kubeconfig="$config" \
        --authorization-kubeconfig="$config" --leader-elect=false "$@"
}

api_is_ready() { KUBECONFIG=$PKI/admin.kubeconfig hyperkube kubectl get --raw /readyz; }

start_etcd
start_apiserver
wait_for 120 api_is_ready || { say "the API server does not get ready: $LOGS/apiserver.log"; exit 1; }
start_decider kube-scheduler scheduler
start_decider kube-controller-manager controllers --use-service-account-credentials=true --root-ca-file="$PKI/ca.crt" \
    --service-account-private-key-file="$PKI/accounts.key" --cluster-cidr=10.244.0.0/16 --allocate-node-cidrs=false \
    --horizontal-pod-autoscaler-sync-period=5s
