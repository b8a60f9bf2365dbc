# shellcheck shell=bash disable=SC2034 # what is set here is used by the scripts that source it
# What the development scripts share: places, messages, finding and installing servers, ports, and the processes that
# `make up` started. Sourced, never run.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
STATE=$ROOT/.confab       # everything that the scripts write
RUN=$STATE/run            # one record per process that `make up` started
LOGS=$STATE/logs
BIN=${CARGO_TARGET_DIR:-$ROOT/target}/release
readonly ROOT STATE RUN LOGS BIN

readonly POSTGRES_LEAST=15 # the oldest that the tests have run on
readonly REDIS_LEAST=7     # sharded pub/sub
readonly DENY_VERSION=0.20.2

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
    elif have brew; then
        hint+=": brew install${postgres:+ postgresql@17}${redis:+ redis}"
    fi
    die "$what was not found, and could not be installed from here (that takes apt, and root or passwordless sudo)." \
        "$hint" \
        "For \`make up\` it is also enough to set $variable to a server that you have."
}

ensure_compiler() {
    have cargo || die "cargo was not found: install Rust with rustup (https://rustup.rs)."
    have cc && return
    say "no C compiler: installing build-essential"
    install_packages build-essential && have cc && return
    die "no C compiler (cc) was found; Rust needs one to link." "Install it, for example: sudo apt-get install build-essential"
}

# ---- finding servers

postgres_major() { "$1/postgres" --version 2>/dev/null | sed -nE 's/^.*\(PostgreSQL\) ([0-9]+).*/\1/p'; }

# Prints the folder of PostgreSQL's programs: the wanted major version if it is here, else the newest.
find_postgres() {
    local wanted=${1:-} best='' best_major=0 dir major program
    local -a dirs=()
    if program=$(command -v postgres) && program=$(readlink -f "$program"); then dirs+=("$(dirname "$program")"); fi
    dirs+=(/usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /opt/homebrew/opt/postgresql@*/bin)
    for dir in "${dirs[@]}"; do
        [[ -x $dir/postgres && -x $dir/initdb ]] || continue
        major=$(postgres_major "$dir")
        ((${major:-0} >= POSTGRES_LEAST)) || continue
        [[ $major == "$wanted" ]] && { echo "$dir"; return; }
        ((major > best_major)) && best=$dir best_major=$major
    done
    echo "$best"
}

ensure_postgres() {
    PG_BIN=$(find_postgres "${1:-}")
    if [[ -z $PG_BIN ]]; then
        local offered
        offered=$(apt_offers postgresql)
        if [[ -z $offered ]] || ((offered >= POSTGRES_LEAST)); then
            say "PostgreSQL >= $POSTGRES_LEAST was not found: installing it"
            install_packages postgresql || true
        else
            say "apt offers PostgreSQL $offered, which is too old"
        fi
        PG_BIN=$(find_postgres "${1:-}")
    fi
    [[ -n $PG_BIN ]] || explain_missing "PostgreSQL >= $POSTGRES_LEAST" DATABASE_URL
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

ensure_redis() {
    REDIS_SERVER=$(find_redis)
    if [[ -z $REDIS_SERVER ]]; then
        local offered
        offered=$(apt_offers redis-server)
        if [[ -z $offered ]] || ((offered >= REDIS_LEAST)); then
            say "redis-server >= $REDIS_LEAST was not found: installing it"
            install_packages redis-server || true
        else
            say "apt offers redis-server $offered, which is too old"
        fi
        REDIS_SERVER=$(find_redis)
    fi
    [[ -n $REDIS_SERVER ]] || explain_missing "redis-server >= $REDIS_LEAST" REDIS_URL
}

# Prints the path of the pinned cargo-deny, which is built once into .confab/tools. Speed of the build is worth more
# than speed of the tool: little optimisation, no LTO, and none of the features that fetch things.
ensure_deny() {
    local tools=$STATE/tools found
    for found in "$tools/bin/cargo-deny" "$(command -v cargo-deny || true)"; do
        [[ -x $found && $("$found" --version) == "cargo-deny $DENY_VERSION" ]] && { echo "$found"; return; }
    done
    say "building cargo-deny $DENY_VERSION into .confab/tools (once)"
    env -u RUSTFLAGS -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=symbols \
        cargo install cargo-deny --locked --quiet --version "$DENY_VERSION" --no-default-features --force --root "$tools" >&2 || return
    echo "$tools/bin/cargo-deny"
}

# ---- processes: a record holds the process id and its start time, so a number used again is never taken for ours

# Prints the start time of a living process; fails for one that is gone or only waits to be reaped.
start_time() {
    local stat
    if [[ -d /proc/self ]]; then
        { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
        stat=${stat##*) } # the program's name may hold blanks and brackets
        # shellcheck disable=SC2086 # split into fields on purpose
        set -- $stat
        [[ $1 != Z && $1 != X ]] || return 1
        echo "${20}"
    else
        stat=$(LC_ALL=C ps -o state= -o lstart= -p "$1") || return 1
        [[ $stat != Z* ]] || return 1
        echo "${stat#* }"
    fi
}

record() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$RUN/$1"; }

# Prints the process id under this name if it is still the process that was recorded.
pid_of() {
    local pid started now
    { read -r pid started <"$RUN/$1"; } 2>/dev/null || return 1
    now=$(start_time "$pid") || return 1
    [[ $now == "$started" ]] && echo "$pid"
}
alive() { pid_of "$1" >/dev/null; }

# launch NAME COMMAND…: starts it apart from this terminal, so that Ctrl-C reaches only the script, which then stops
# everything in order.
launch() {
    local name=$1 log=$LOGS/$1.log
    shift
    [[ -f $log ]] && mv -f "$log" "$log.1"
    setsid "$@" </dev/null >"$log" 2>&1 &
    record "$name" $! || true
    disown # bash has nothing to say about its end: `watch` and `stop` do
}

# stop SIGNAL SECONDS NAME…: signals all of them, then waits; the last resort is SIGKILL.
stop() {
    local signal=$1 deadline=$((SECONDS + $2)) name pid
    shift 2
    for name in "$@"; do
        if pid=$(pid_of "$name"); then
            say "stopping $name"
            kill -s "$signal" "$pid" 2>/dev/null || true
        fi
    done
    for name in "$@"; do
        while pid=$(pid_of "$name"); do
            if ((SECONDS >= deadline)); then
                say "$name did not end in time: killing it"
                kill -s KILL "$pid" 2>/dev/null || true
                deadline=$((SECONDS + 5))
            fi
            sleep 0.1
        done
        rm -f "${RUN:?}/$name"
    done
}

# Sleeps so that a signal is served at once.
pause() {
    sleep "$1" &
    wait $! || true
}

last_lines() {
    say "---- the end of ${1#"$ROOT"/}"
    tail -n 20 "$1" >&2 || true
    say "----"
}

# ---- ports: chosen once and remembered, chosen again when somebody else took one

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# choose_port NAME FIRST: sets the variable NAME to the remembered port, or to the first free one from FIRST on.
choose_port() {
    local name=$1 port=$2 remembered
    remembered=$(sed -n "s/^$name=//p" "$STATE/ports" 2>/dev/null || true)
    if [[ -n $remembered ]]; then
        listens "$remembered" || port=$remembered
    fi
    while listens "$port" || [[ " ${CHOSEN:-} " == *" $port "* ]]; do port=$((port + 1)); done
    [[ -z $remembered || $remembered == "$port" ]] || say "port $remembered ($name) is taken by another program: using $port"
    CHOSEN="${CHOSEN:-} $port"
    printf -v "$name" '%s' "$port"
    {
        grep -v "^$name=" "$STATE/ports" 2>/dev/null || true
        echo "$name=$port"
    } >"$STATE/ports.new"
    mv "$STATE/ports.new" "$STATE/ports"
}

# answers PORT PATH: whether an HTTP GET there gives 200. In plain bash: a fresh machine may lack curl.
answers() {
    local status
    status=$(
        exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
        IFS=' ' read -r -t 5 _ status _ <&3 && echo "$status"
        timeout 2 cat <&3 >/dev/null # to its end: hanging up early looks like a fault in the program's log
    ) || true
    [[ $status == 200 ]]
}

# ---- private servers

# run_as USER COMMAND…: replaces this shell. As root the servers get an unprivileged user; they refuse or should not have root.
run_as() {
    local user=$1
    shift
    if ((EUID == 0)); then
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME=/ "$@"
    fi
    exec env -u PGOPTIONS -u PGDATA LC_ALL=C.UTF-8 "$@"
}

# The user that runs a server: ourselves, or as root the first of these that exists.
server_user() {
    local user
    ((EUID == 0)) || { id -un; return; }
    for user in "$@" nobody; do
        id -u "$user" >/dev/null 2>&1 && { echo "$user"; return; }
    done
    die "there is no unprivileged user (looked for: $* nobody) to run the servers as."
}

# data_dir USER: where the data of private servers lives. A server that does not run as us must be able to walk there,
# which it is not for a checkout under a closed home such as /root.
data_dir() {
    local folder=$STATE
    if ((EUID == 0)) && ! (run_as "$1" test -x "$STATE"); then
        folder=/var/tmp/confab-$(printf %s "$ROOT" | sha256sum | cut -c1-12)
        mkdir -p "$folder"
        # Anybody may make folders there: it has to be ours.
        [[ ! -L $folder && -O $folder ]] || die "$folder belongs to somebody else: remove it."
        chmod 755 "$folder"
    fi
    echo "$folder"
}

# Makes a private folder for USER, and refuses one that belongs to somebody else.
own_folder() {
    local folder=$1 user=$2
    if [[ ! -d $folder ]]; then
        mkdir -p "$(dirname "$folder")"
        mkdir -m 700 "$folder"
        ((EUID != 0)) || chown "$user:" "$folder"
    fi
    [[ ! -L $folder && $(stat -c %u "$folder") == "$(id -u "$user")" ]] ||
        die "$folder does not belong to user $user." "Was the cluster started by another user before? That user can run \`make reset\`."
}

# start_postgres PORT: makes the data on first use, starts it, sets DATABASE_URL.
start_postgres() {
    local port=$1 user folder password deadline wanted=''
    user=$(server_user postgres)
    folder=$(data_dir "$user")/postgres
    [[ $folder == "$STATE"/* ]] || say "$user cannot reach this checkout: Postgres keeps its data in $folder"
    own_folder "$folder" "$user"
    if [[ -f $folder/data/PG_VERSION ]]; then
        wanted=$(<"$folder/data/PG_VERSION")
        ensure_postgres "$wanted"
        [[ $(postgres_major "$PG_BIN") == "$wanted" ]] ||
            die "the data in $folder was made by PostgreSQL $wanted, but only $PG_BIN was found." \
                "Install PostgreSQL $wanted, or run \`make reset\` to start with empty data."
    else
        say "making a database in ${folder#"$ROOT"/}"
        rm -rf "${folder:?}/data" "${folder:?}/new"
        (
            umask 077
            od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$folder/password"
        )
        ((EUID != 0)) || chown "$user:" "$folder/password"
        if ! (
            cd "$folder"
            run_as "$user" "$PG_BIN/initdb" -D "$folder/new" -U confab --pwfile="$folder/password" --auth=scram-sha-256 \
                --encoding=UTF8 --locale=C.UTF-8 --data-checksums --no-instructions
        ) >"$LOGS/initdb.log" 2>&1; then
            last_lines "$LOGS/initdb.log"
            die "initdb failed."
        fi
        echo "include 'confab.conf'" >>"$folder/new/postgresql.conf"
        cp "$ROOT/deploy/dev/postgresql.conf" "$folder/new/confab.conf"
        # Single-user mode: no client programs are needed to make the database.
        (
            cd "$folder"
            echo 'CREATE DATABASE confab' | run_as "$user" "$PG_BIN/postgres" --single -D "$folder/new" postgres
        ) >>"$LOGS/initdb.log" 2>&1 || die "could not make the database: see .confab/logs/initdb.log"
        mv "$folder/new" "$folder/data" # last: an interrupted start leaves nothing that looks finished
    fi
    cp "$ROOT/deploy/dev/postgresql.conf" "$folder/data/confab.conf"
    chmod 644 "$folder/data/confab.conf"
    password=$(<"$folder/password")
    (
        # The launcher's record must hold the server itself: exec all the way.
        cd "$folder"
        export -f run_as
        launch postgres bash -c 'run_as "$@"' - "$user" "$PG_BIN/postgres" -D "$folder/data" -c "port=$port"
    )
    deadline=$((SECONDS + 60))
    until [[ $(sed -n 8p "$folder/data/postmaster.pid" 2>/dev/null) == ready* ]] && listens "$port"; do
        if ! alive postgres || ((SECONDS >= deadline)); then
            last_lines "$LOGS/postgres.log"
            die "Postgres did not start."
        fi
        pause 0.1
    done
    DATABASE_URL=postgres://confab:$password@127.0.0.1:$port/confab
}

# start_redis PORT: starts it, sets REDIS_URL.
start_redis() {
    local port=$1 user folder deadline reply
    user=$(server_user redis)
    folder=$(data_dir "$user")/redis
    [[ $folder == "$STATE"/* ]] || say "$user cannot reach this checkout: Redis keeps its data in $folder"
    own_folder "$folder" "$user"
    cp "$ROOT/deploy/dev/redis.conf" "$folder/redis.conf"
    chmod 644 "$folder/redis.conf"
    (
        cd "$folder"
        export -f run_as
        launch redis bash -c 'run_as "$@"' - "$user" "$REDIS_SERVER" "$folder/redis.conf" --port "$port" --dir "$folder"
    )
    deadline=$((SECONDS + 60))
    until reply=$(
        exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
        printf 'PING\r\n' >&3
        read -r -t 5 reply <&3 && echo "$reply"
    ) && [[ $reply == +PONG* ]]; do
        if ! alive redis || ((SECONDS >= deadline)); then
            last_lines "$LOGS/redis.log"
            die "Redis did not start."
        fi
        pause 0.1
    done
    REDIS_URL=redis://127.0.0.1:$port
}
