#!/usr/bin/env bash
# Makes a throw-away authority, the certificates of one cluster, and for each client a kubeconfig.
# shellcheck source=deploy/kube/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

API=https://$(node_address 1):6443
readonly API DAYS=30

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# certificate NAME SUBJECT ALTERNATIVE-NAMES
certificate() {
    local name=$1 subject=$2 names=$3
    new_key "$name.key"
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$DAYS" -out "$name.crt" \
        -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "$names") 2>/dev/null
    rm "$name.csr"
}

# kubeconfig NAME SERVER [FILE]: for who holds the certificate of that name. It holds everything itself, so that pods and this machine
# read it, too.
kubeconfig() {
    local name=$1 server=$2 file=${3:-$1.kubeconfig}
    cat >"$file" <<Y
apiVersion: v1
kind: Config
current-context: confab
contexts: [{name: confab, context: {cluster: confab, user: $name}}]
clusters: [{name: confab, cluster: {server: "$server", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $name, user: {client-certificate-data: $(base64 -w0 "$name.crt"), client-key-data: $(base64 -w0 "$name.key")}}]
Y
}

mkdir -p "$PKI"
cd "$PKI"
umask 077
new_key ca.key
openssl req -x509 -new -key ca.key -subj /CN=confab-kube -days "$DAYS" -out ca.crt
openssl genrsa -out accounts.key 2048 2>/dev/null
openssl rsa -in accounts.key -pubout -out accounts.pub 2>/dev/null

kubernetes=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
certificate apiserver /CN=kube-apiserver "IP:$(node_address 1),IP:${SERVICES%.0/16}.1,IP:127.0.0.1,$kubernetes"
certificate front /CN=front-proxy DNS:front-proxy
certificate adapter /CN=adapter DNS:adapter.kube-system.svc
certificate admin /O=system:masters/CN=admin DNS:admin
certificate controllers /CN=system:kube-controller-manager DNS:controllers
certificate scheduler /CN=system:kube-scheduler DNS:scheduler
certificate proxy /CN=system:kube-proxy DNS:proxy
for name in admin controllers scheduler proxy; do kubeconfig "$name" "$API"; done
for node in "${NODES[@]}"; do
    certificate "node$node" "/O=system:nodes/CN=system:node:node$node" "DNS:node$node,IP:$(node_address "$node")"
    kubeconfig "node$node" "$API"
done
kubeconfig admin "https://127.0.0.1:$(cat "$RUN/port")" "$STATE/kubeconfig"
