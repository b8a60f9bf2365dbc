# shellcheck shell=bash
# Finds or makes the tools of `make kube`: what Debian has comes from there, the rest is built once from pinned Go modules. Sourced.

missing_packages() {
    local pair
    for pair in etcd:etcd-server containerd:containerd runc:runc ip:iproute2 iptables:iptables nft:nftables conntrack:conntrack \
        ipset:ipset socat:socat openssl:openssl nsenter:util-linux pgrep:procps; do
        have "${pair%:*}" || echo "${pair#*:}"
    done
    [[ -x /usr/lib/cni/bridge ]] || echo containernetworking-plugins
}

ensure_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} > 0)) || return 0
    install_packages "${missing[@]}" || true
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} == 0)) || refuse "${missing[*]} cannot be installed from here; on Debian it is apt-get install ${missing[*]}."
}

# built NAME PIN COMMAND…: runs the command unless it made this tool at this pin before.
built() {
    local name=$1 pin=$2
    shift 2
    [[ -x $TOOLS/bin/$name && $(cat "$TOOLS/$name.pin" 2>/dev/null) == "$pin" ]] && return
    say "building $name $pin into .confab/tools (once)"
    mkdir -p "$TOOLS/bin"
    CGO_ENABLED=0 "$@" || return
    echo "$pin" >"$TOOLS/$name.pin"
}

# program FOLDER NAME [LINKER-FLAGS]: one of ours, with the modules that its go.mod pins.
program() { go -C "$KUBE/$1" build -trimpath -buildvcs=false -ldflags "-s -w ${3:-}" -o "$TOOLS/bin/${2##*/}" "./$2"; }
module() { GOBIN=$TOOLS/bin go install -trimpath -ldflags '-s -w' "$1"; }
version_of() { go -C "$1" list -m -f '{{.Version}}' "$2"; }
# digest PATH…: of what a program is made from.
digest() { (cd "$KUBE" && find "$@" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12); }

ensure_programs() {
    local stamp=k8s.io/component-base/version version helm major minor
    ensure_go || refuse "Go was not found, is older than helm/tests/go.mod says, and could not be installed: https://go.dev/dl"
    version=$(version_of "$KUBE/programs" k8s.io/kubernetes) && helm=$(version_of "$ROOT/helm/tests" helm.sh/helm/v4) || return
    IFS=. read -r major minor _ <<<"${version#v}"
    built hyperkube "$version-$(digest programs/go.mod programs/hyperkube)" program programs hyperkube "-X $stamp.gitVersion=$version \
        -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean -X $stamp.gitCommit=none \
        -X $stamp.buildDate=1970-01-01T00:00:00Z" || return
    ln -sf hyperkube "$TOOLS/bin/kubectl"
    built pause "$(digest programs/pause)" program programs pause || return
    built adapter "$version-$(digest programs/go.mod programs/adapter)" program programs adapter || return
    built flows "$(digest ../../helm/tests/{go.mod,flows})" program ../../helm/tests flows || return
    built coredns "$(version_of "$KUBE/dns" github.com/coredns/coredns)-$(digest dns)" program dns coredns || return
    built helm "$helm" module "helm.sh/helm/v4/cmd/helm@$helm"
}
