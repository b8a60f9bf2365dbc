# shellcheck shell=bash
# Whether what happens on the wires is what the chart's NetworkPolicies allow: nothing here enforces them. Sourced.

# Writes down each pod that ever is, as it may be gone when its flows are judged. The API ends each watch after a while.
watch_pods() {
    # shellcheck disable=SC2016 # it is for the shell that runs it
    in_machine setsid bash -c 'while :; do kubectl get pods --all-namespaces --watch --output json || sleep 1; done' \
        >"$LOGS/pods.json" 2>/dev/null </dev/null 8>&- &
}

# What nodes saw is in logs that they began when they started.
judge_flows() {
    kubectl get networkpolicies,namespaces --all-namespaces --output json >"$LOGS/policies.json" &&
        flows -namespace "$NAMESPACE" -pods "$LOGS/pods.json" -policies "$LOGS/policies.json" -unseen "$KUBE/config/unseen-rules" \
            "$LOGS"/node*-flows-*.log >"$LOGS/flows.txt"
}
