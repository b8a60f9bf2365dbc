# shellcheck shell=bash
# What Confab goes through in the cluster of `make kube`: rows of deploy/dev/under-load.sh. Sourced.

# shellcheck disable=SC2034 # RATE is read there
readonly MEMBERS=300 RATE=10 DRAIN_SECONDS=20 # as the chart has it
readonly BACK_MS=45000

# Where clients come in: by the Service of the release, or by DOOR, which stands before it in a namespace of its own.
gateway_url() { echo "ws://$(kubectl --namespace "${DOOR:-$NAMESPACE}" get service "${DOOR:-$RELEASE-confab}" -o jsonpath='{.spec.clusterIP}'):80"; }

# What happens on purpose sends nobody away faster than so many a second.
gently() { echo "--most-resumes $((MEMBERS * 3 / 2 / DRAIN_SECONDS))"; }

# Everything that there shall be is ready, and what was to go has sent its clients away and is gone.
all_ready() {
    local program
    for program in gateway worker; do
        kubectl --namespace "$NAMESPACE" rollout status deployment "$RELEASE-confab-$program" --timeout=300s >/dev/null || return
    done
    wait_for 90 nobody_leaves
}
nobody_leaves() { [[ -z $(pods gateway -o jsonpath='{.items[*].metadata.deletionTimestamp}') ]]; }

upgrade() { release upgrade "$ROOT/helm" --reset-then-reuse-values "$@" --wait --timeout 5m >/dev/null && all_ready; }

# A gateway that ends as it starts: the release goes back by itself.
upgrade_to_broken() {
    if release upgrade "$ROOT/helm" --reset-then-reuse-values --set-string gateway.image.tag=3 --rollback-on-failure --wait --timeout 40s \
        >/dev/null 2>&1; then
        say "a broken image was taken"
        return 1
    fi
    all_ready && ! pods gateway -o jsonpath='{.items[*].spec.containers[*].image}' | grep -q gateway:3
}

drain() {
    kubectl drain "$1" --ignore-daemonsets --delete-emptydir-data --timeout=240s >/dev/null 2>&1 && all_ready && kubectl uncordon "$1" >/dev/null
}

# The node, other than the first, on which most gateways are.
busiest_node() {
    pods gateway -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | grep -v '^node1$' | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }'
}

spread_again() {
    kubectl --namespace "$NAMESPACE" rollout restart deployment "$RELEASE-confab-gateway" "$RELEASE-confab-worker" >/dev/null && all_ready
}

# The cable of a node is pulled for a minute and a half, and nobody is told.
cut_off() {
    in_machine ip -n switch link set "$1" down || return
    sleep 90
    in_machine ip -n switch link set "$1" up || return
    kubectl wait --for=condition=Ready "node/$1" --timeout=120s >/dev/null && all_ready
}

# A node loses its power, and gets it back with an empty disk.
power_off() {
    in_machine ip -n switch link set "$1" down || return
    in_machine kill -KILL "$(init_of "$1")" || return
    sleep 90
    in_machine ip -n switch link delete "$1" && in_machine ip netns delete "$1" || return
    in_machine "$KUBE/start-node.sh" "${1#node}" || return
    wait_for 60 kubectl wait --for=condition=Ready "node/$1" --timeout=5s || return
    load_images "${1#node}" && all_ready
}

# From here on the autoscaler says how many gateways there are, three at least.
hand_over_to_autoscaler() {
    upgrade --set gateway.autoscaling.enabled=true --set gateway.autoscaling.minReplicas=3 --set gateway.autoscaling.maxReplicas=5 \
        --set gateway.autoscaling.connections="$MEMBERS" && wait_for 120 gateways_are 3 && all_ready
}
gateways_are() { [[ $(kubectl --namespace "$NAMESPACE" get deployment "$RELEASE-confab-gateway" -o jsonpath='{.status.readyReplicas}') == "$1" ]]; }

# aim_at CONNECTIONS: what the autoscaler wants of each gateway. It may come down at once here: the ten minutes that the chart says are kept
# by Kubernetes, not by Confab.
aim_at() {
    kubectl --namespace "$NAMESPACE" patch hpa "$RELEASE-confab-gateway" --type json --patch '[
        {"op": "replace", "path": "/spec/metrics/0/pods/target/averageValue", "value": "'"$1"'"},
        {"op": "replace", "path": "/spec/behavior/scaleDown/stabilizationWindowSeconds", "value": 0},
        {"op": "replace", "path": "/spec/behavior/scaleDown/policies/0/periodSeconds", "value": 30}]' >/dev/null
}
# No gateway is far above the others: those that were added got their share.
connections_even_out() {
    kubectl get --raw "/apis/custom.metrics.k8s.io/v1beta1/namespaces/$NAMESPACE/pods/*/confab_gateway_connections" 2>/dev/null |
        jq -e '[.items[].value | tonumber] | length == 5 and max <= 1.25 * add / 5 + 1' >/dev/null
}
scale_up_and_down() {
    aim_at $((MEMBERS / 5)) && wait_for 120 gateways_are 5 && wait_for 300 connections_even_out && aim_at "$MEMBERS" && wait_for 180 gateways_are 3 && all_ready
}

# Two gateways, one person, one loss.
helm_test() { release test --logs >"$LOGS/helm-test.txt" 2>&1; }

run_tests() {
    local node
    # shellcheck disable=SC2046 # flags are words
    {
        heading
        timed "every variant of the chart is admitted" admit_variants
        upgrade_from_earlier
        timed "install" install_confab "$ROOT/helm" 1
        timed "helm test" helm_test
        during "upgrade" $(gently) -- upgrade $(version 2)
        during "rollback" $(gently) -- eval 'release rollback --wait --timeout 5m >/dev/null && all_ready'
        timed "backup: a dump by the CronJob" back_up
        timed "HAProxy in pods" start_haproxy
        DOOR=haproxy during "rollout, clients come by HAProxy" $(gently) -- spread_again
        during "a broken image" $(gently) -- upgrade_to_broken
        for node in "${NODES[@]/#/node}"; do during "$node is drained" $(gently) -- drain "$node"; done
        spread_again
        node=$(busiest_node)
        during "$node is cut off without a word" --back-within "$BACK_MS" -- cut_off "$node"
        spread_again
        node=$(busiest_node)
        during "$node loses its power" --back-within "$BACK_MS" -- power_off "$node"
        timed "the autoscaler takes over" hand_over_to_autoscaler
        during "autoscaler: five gateways, then three" $(gently) -- scale_up_and_down
        timed "restore: back to the dump" restore
        timed "helm test" helm_test
        timed "each flow is allowed, each rule needed" judge_flows
    }
    summary
}
