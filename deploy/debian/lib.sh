# shellcheck shell=bash disable=SC2034 # what is set here is used by the scripts that source it
# What the scripts of `make deb-test` share: where things lie, addresses, how the machine is reached. Sourced, never run.
# shellcheck source=deploy/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../dev/lib.sh"

readonly DEBIAN=$ROOT/deploy/debian STATE=$ROOT/.confab/debian
readonly LOGS=$STATE/logs RUN=$STATE/run PACKAGES=$STATE/packages MACHINE=$STATE/machine
readonly SUITE=bookworm BASE=$ROOT/.confab/tools/debian-bookworm # as debootstrap made it; the machine only reads it
readonly ADDRESS=10.232.0.2 CLIENTS=10.232.0.3                   # of the machine, and of who talks to it

PATH=$PATH:/usr/sbin:/sbin

# What this cannot do without, in one sentence and with status 2.
refuse() {
    say "make deb-test: $1"
    exit 2
}

# What holds everything, as this machine sees it: the first process of a process namespace.
holder() { pgrep -P "$(cat "$RUN/holder.pid")" -f /machine.sh; }
is_up() { holder >/dev/null 2>&1; }
# The first process of the machine: its systemd.
init() { pgrep -P "$(pgrep -P "$(holder)" -x systemd-nspawn)"; }

# on_machine COMMAND…: as root, on the machine.
on_machine() {
    local init
    init=$(init) || return
    nsenter --target "$init" --all env --ignore-environment --chdir=/ PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root "$@"
}
# outside COMMAND…: in the network of its clients; it ends with everything else.
outside() { nsenter --target "$(holder)" --mount --pid --wd="$PWD" -- nsenter --net=/run/netns/clients -- "$@"; }
