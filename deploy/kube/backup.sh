# shellcheck shell=bash
# A dump by the chart's CronJob, and the way back to it, as docs/backup.md says it. Sourced.

newest_message() { postgres_does psql --no-align --tuples-only --command='SELECT max(id) FROM messages' "$NAMESPACE"; }

# Keeps the name of the dump, and what was the newest message then.
back_up() {
    local job=backup-now in_namespace=(kubectl --namespace "$NAMESPACE")
    on_node 1 mkdir -p /run/backups && kubectl apply --filename "$KUBE/config/volume.yaml" >/dev/null &&
        upgrade --values "$KUBE/config/backup.yaml" &&
        "${in_namespace[@]}" create job "$job" --from="cronjob/$RELEASE-confab-backup" >/dev/null &&
        "${in_namespace[@]}" wait --for=condition=Complete --timeout=120s "job/$job" >/dev/null || return
    newest_message >"$RUN/newest-message"
    "${in_namespace[@]}" logs "job/$job" | grep -o 'confab-[0-9TZ]*\.dump' >"$RUN/dump"
}

# restoring VALUES FLAG…
restoring() { release upgrade "$ROOT/helm" --reuse-values --timeout 10m --set "$1" "${@:2}" >/dev/null; }

# All that was said since the dump is gone, and nothing else.
restore() {
    local dumped
    dumped=$(cat "$RUN/newest-message") || return
    [[ $(newest_message) -gt $dumped ]] || { say "nothing was said since the dump"; return 1; }
    restoring restore.stopped=true &&
        kubectl --namespace "$NAMESPACE" wait --for=delete pod --timeout=120s >/dev/null \
            --selector "app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/component in (gateway,worker)" &&
        restoring "restore.newEpoch=true,restore.dump=$(cat "$RUN/dump")" --set migrate.deadlineSeconds=600 || return
    [[ $(newest_message) -eq $dumped ]] || { say "the newest message is not the one of the dump"; return 1; }
    empty_redis && restoring restore.stopped=false,restore.newEpoch=false,restore.dump= && all_ready
}
