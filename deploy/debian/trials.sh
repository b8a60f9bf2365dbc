# shellcheck shell=bash
# What the package goes through on the machine of `make deb-test`: rows of deploy/dev/under-load.sh. Sourced.

# shellcheck disable=SC2034 # read there
MEMBERS=200
# shellcheck disable=SC2034
readonly RATE=10 UNITS=(confab-gateway confab-worker confab-migrate) BACK_MS=45000

gateway_url() { echo "ws://$ADDRESS:8080"; }
apt() { on_machine apt-get --quiet --yes "$@" >>"$LOGS/apt.log" 2>&1; }
units() { on_machine systemctl "$@" confab-gateway confab-worker; }
are_active() { units --quiet is-active; }
value_of() { on_machine systemctl show --property="$2" --value "$1"; }

# Debian's own rules, but for what lintian-overrides says.
please_lintian() { lintian --allow-root --fail-on error,warning "$PACKAGES/1.deb" >"$LOGS/lintian.txt" 2>&1 || { cat "$LOGS/lintian.txt" >&2; return 1; }; }

# Nothing runs before it was said so.
install_package() { apt install /packages/1.deb && ! units is-active >/dev/null && ! units is-enabled >/dev/null; }

# The lines of the page that give Redis its password.
page_on_redis() { sed -n '/^install -g redis/,/^systemctl restart redis/p' "$ROOT/docs/debian.md"; }

# What the page says, and what lets the load come from one address.
configure() {
    on_machine su postgres -c 'createuser confab && createdb --owner=confab --template=template0 --encoding=UTF8 --locale=C.UTF-8 confab' &&
        on_machine sh -c "$(page_on_redis)" && on_machine sed -i 's/^CONFAB_LISTEN=.*/CONFAB_LISTEN=0.0.0.0:8080/' /etc/confab/gateway.env &&
        on_machine tee -a /etc/confab/gateway.env >/dev/null <<'C' &&
CONFAB_MAX_ADDRESS_CONNECTIONS=100000
CONFAB_ACCOUNT_RATE=1000000
CONFAB_OPENING_RATE=1000000
CONFAB_ADDRESS_RATE=1000000
CONFAB_STRANGER_RATE=1000000
C
        on_machine tee -a /etc/confab/worker.env >/dev/null <<'C'
CONFAB_GUESTS=true
CONFAB_LIMIT_SEND=off
CONFAB_LIMIT_WRITE=off
CONFAB_LIMIT_READ=off
CONFAB_LIMIT_SIGN_IN=off
C
}
start() { units enable --now 2>>"$LOGS/apt.log" && are_active; }

# Whoever gets into a program gets no further; without a secret that others can read. Postgres does not know the gateway, and Redis nobody
# who does not say its password.
be_confined() {
    local unit
    for unit in "${UNITS[@]}"; do
        on_machine systemd-analyze security --no-pager --threshold=20 "$unit.service" >"$LOGS/security-$unit.txt" ||
            { say "$(tail -n 1 "$LOGS/security-$unit.txt")"; return 1; }
    done
    ! psql_as confab-gateway && psql_as confab || return
    [[ $(on_machine redis-cli ping) == NOAUTH* && $(on_machine stat -c '%a %U %G' /etc/redis/password.conf) == "640 root redis" ]] || return
    [[ $(on_machine find /etc/confab -type f -printf '%m %u\n' | sort -u) == "600 root" ]]
}

psql_as() {
    on_machine systemd-run --quiet --collect --wait --pipe --property=DynamicUser=yes --property=User="$1" psql -d confab -c 'SELECT 1' >>"$LOGS/psql.txt" 2>&1
}

# Who registers first administers; what operators ask runs as the worker does.
sign_up() {
    outside curl --silent --fail "http://$ADDRESS:8080/api/v1/commands/register" --data \
        '{"nonce":"1","name":"alice","password":"correct horse"}' | jq --exit-status .token >/dev/null &&
        on_machine confab-worker admin users | grep -q alice && ! on_machine confab-worker admin disable nobody 2>/dev/null
}

# replace FLAG… FILE: another version, whose programs run afterwards; each ended in an orderly way.
replace() {
    local unit was=()
    for unit in confab-worker confab-gateway; do was+=("$(value_of "$unit" MainPID)"); done
    apt install "$@" && are_active || return
    for unit in confab-worker confab-gateway; do
        [[ $(value_of "$unit" MainPID) != "${was[0]}" && $(value_of "$unit" NRestarts) == 0 ]] || return
        was=("${was[@]:1}")
    done
}
started() { value_of "$1" ActiveEnterTimestampMonotonic; }
upgrade() { replace /packages/2.deb && (($(started confab-worker) < $(started confab-gateway))); }
go_back() { replace --allow-downgrades /packages/1.deb && (($(started confab-gateway) < $(started confab-worker))); }

# Workers of a cluster come first: the old gateway goes on until it is told.
upgrade_worker_first() {
    local worker gateway
    worker=$(value_of confab-worker MainPID) gateway=$(value_of confab-gateway MainPID)
    on_machine CONFAB_KEEP_GATEWAY=1 apt-get --quiet --yes install /packages/2.deb >>"$LOGS/apt.log" 2>&1 && are_active || return
    [[ $(value_of confab-worker MainPID) != "$worker" && $(value_of confab-gateway MainPID) == "$gateway" ]] &&
        units restart && are_active
}

# A database that cannot be migrated leaves the programs of before at work.
upgrade_without_database() {
    local was
    was=$(value_of confab-worker MainPID)
    on_machine sed -i 's/^DATABASE_URL=/#&/' /etc/confab/worker.env
    ! apt install /packages/2.deb && [[ $(value_of confab-worker MainPID) == "$was" ]] || return
    on_machine sed -i 's/^#DATABASE_URL=/DATABASE_URL=/' /etc/confab/worker.env
    on_machine dpkg --configure confab >>"$LOGS/apt.log" 2>&1 && are_active && [[ $(value_of confab-worker MainPID) != "$was" ]]
}

# A dump is read back: what was said is there, and workers are told.
restore() {
    on_machine sh -c "set -e; umask 077; su postgres -c 'pg_dump --format=custom confab' > /root/confab.dump
        systemctl stop confab-gateway confab-worker
        su postgres -c 'dropdb confab && createdb --owner=confab --template=template0 --encoding=UTF8 --locale=C.UTF-8 confab'
        su postgres -c 'pg_restore --no-owner --role=confab --dbname=confab' < /root/confab.dump
        export REDISCLI_AUTH=\$(sed 's/^requirepass //' /etc/redis/password.conf)
        confab-worker new-epoch && redis-cli -e FLUSHALL && systemctl start confab-worker confab-gateway
        rm /root/confab.dump" >>"$LOGS/restore.txt" 2>&1 && are_active && on_machine confab-worker admin users | grep -q alice
}

reboot() {
    local was
    was=$(init)
    on_machine systemctl reboot || return
    wait_for 60 has_other_init "$was" && wait_for 60 are_active
}
has_other_init() {
    local now
    now=$(init) && [[ $now != "$1" ]]
}

# Settings stay, and nothing runs.
remove() { apt remove confab && ! units is-active >/dev/null && on_machine test -e /etc/confab/worker.env -a -e /etc/confab/cluster.key; }

# Of the package nothing is left, neither file nor user nor unit; what people wrote is in the database still.
purge() {
    local left
    apt purge confab && left=$(on_machine find / -xdev -path /packages -prune -o -iname '*confab*' -print) || return
    if [[ -n $left ]]; then
        say "left: $left"
        return 1
    fi
    ! on_machine getent passwd confab >/dev/null && ! on_machine getent group confab >/dev/null &&
        [[ -z $(on_machine systemctl list-unit-files --no-legend 'confab*') ]] &&
        on_machine su postgres -c "psql -d confab -Atc 'SELECT count(*) > 0 FROM messages'" | grep -qx t
}

run_trials() {
    heading
    timed "lintian has nothing to say" please_lintian
    timed "the package is installed" install_package
    timed "the machine's Postgres is made known" configure
    timed "both programs start" start
    timed "the first account is made" sign_up
    MEMBERS=2 during "two people talk" -- true
    timed "they are confined" be_confined
    during "upgrade" --back-within "$BACK_MS" -- upgrade
    during "and back" --back-within "$BACK_MS" -- go_back
    during "a worker first, and back" --back-within "$BACK_MS" -- eval 'upgrade_worker_first && go_back'
    during "an upgrade without a database" --back-within "$BACK_MS" -- upgrade_without_database
    during "the machine is rebooted" --back-within "$BACK_MS" -- reboot
    timed "a dump is read back" restore
    timed "the package is removed" remove
    timed "and purged" purge
    summary
}
