# shellcheck shell=bash
# HAProxy in pods, as the door for clients. Sourced.

# The settings of deploy/haproxy, for gateways that come and go: their names are asked of the cluster. A name has the addresses of those
# that are ready.
haproxy_settings() {
    sed -e "s/resolvers docker/resolvers cluster/; s/nameserver dns .*/nameserver dns $DNS:53/; /server gateway-2/d" \
        -e "s/server gateway-1 .*/server-template gateway 10 $RELEASE-confab-gateway-pods.$NAMESPACE.svc.cluster.local:8080/" \
        "$ROOT/deploy/haproxy/haproxy.cfg"
}

start_haproxy() {
    local in_haproxy=(kubectl --namespace haproxy)
    kubectl create namespace haproxy >/dev/null && kubectl label namespace haproxy pod-security.kubernetes.io/enforce=restricted >/dev/null &&
        "${in_haproxy[@]}" create configmap haproxy --from-file=haproxy.cfg=<(haproxy_settings) >/dev/null &&
        "${in_haproxy[@]}" apply --filename "$KUBE/config/haproxy.yaml" >/dev/null &&
        "${in_haproxy[@]}" rollout status deployment haproxy --timeout=120s >/dev/null
}
