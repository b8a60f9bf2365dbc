# shellcheck shell=bash
# From the version before the newest migration to this one and back, as docs/kubernetes.md says it. Sourced.

# What was applied of the files of migrations/.
migrations_done() { postgres_does psql --no-align --tuples-only --command='SELECT count(*) FROM _sqlx_migrations' "$NAMESPACE"; }
migrations_known() { find "$ROOT/migrations" -name '*.sql' | wc -l; }

install_earlier() {
    install_confab "$CONFAB_OLD_BIN_DIR/../source/helm" 0 || return
    (($(migrations_done) < $(migrations_known))) || { say "no migration lies between that version and this one"; return 1; }
}

# With the values of the page, which are all that is not the chart's.
upgrade_from_it() {
    # shellcheck disable=SC2046 # flags are words
    release upgrade "$ROOT/helm" --values "$VALUES" $(version 1) --wait --timeout 5m >/dev/null &&
        all_ready && (($(migrations_done) == $(migrations_known)))
}

go_back_to_it() { release rollback --wait --timeout 5m >/dev/null && all_ready && runs_earlier; }
runs_earlier() { [[ $(pods gateway -o jsonpath='{.items[*].spec.containers[*].image}' | xargs -n 1 | sort -u) == *-gateway:0 ]]; }

# Nothing of it stays but its database.
uninstall() { release uninstall --wait --timeout 5m >/dev/null && kubectl delete namespace "$NAMESPACE" >/dev/null && empty_redis; }

# shellcheck disable=SC2046 # flags are words
upgrade_from_earlier() {
    NAMESPACE=earlier
    timed "install of the earlier version" install_earlier
    during "upgrade from it, with a migration" $(gently) -- upgrade_from_it
    during "rollback to it" $(gently) -- go_back_to_it
    timed "uninstall" uninstall
    NAMESPACE=chat
}
