# shellcheck shell=bash
# Whether the API server takes what the chart renders: each variant of the chart's tests, with the CRDs that these tests check against. Sourced.

# The CRDs of operators, from the Go modules that the chart's tests name.
apply_custom_resources() {
    local module path folder
    while read -r module path; do
        folder=$(cd "$RUN" && go mod download -json "$module" | jq -r .Dir)/${path%/*} || return
        grep -l '^kind: CustomResourceDefinition' "$folder"/*.yaml | sed 's/^/--filename=/' |
            xargs kubectl apply --server-side >/dev/null || return
    done < <(sed -nE 's/.*\{"([^"]+@v[^"]+)", "([^"]*%s\.yaml)"\}.*/\1 \2/p' "$ROOT/helm/tests/schemas_test.go")
    kubectl wait --for=condition=Established --timeout=60s crd --all >/dev/null 2>>"$LOGS/kubectl.log"
}

# Nothing is stored. A warning, such as one of Pod Security, is a refusal here.
admit() {
    local said
    said=$(helm template "$RELEASE" "$ROOT/helm" --namespace admission --values "$1" 2>>"$LOGS/helm.log" |
        kubectl apply --server-side --dry-run=server --validate=strict --filename - 2>&1 >/dev/null) && [[ $said != *Warning* ]] && return
    say "${1##*/}: $said"
    return 1
}

admit_variants() {
    local variant status=0
    apply_custom_resources || return
    kubectl create namespace admission >/dev/null && kubectl label namespace admission pod-security.kubernetes.io/warn=restricted >/dev/null || return
    for variant in "$ROOT"/helm/tests/variants/*.yaml; do admit "$variant" || status=1; done
    return "$status"
}
