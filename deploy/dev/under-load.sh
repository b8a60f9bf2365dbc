# shellcheck shell=bash
# What is done to a cluster while members of a room talk, as rows of a table: whether messages were lost, how soon everybody was back.
# Sourced by who says where the load comes from (`outside COMMAND…`) and goes to (`gateway_url`), how much it is (MEMBERS, RATE), and where
# to write (LOGS, RUN).

readonly HEADER='%-44s %8s %12s %12s %12s %6s %6s %8s  %s\n'
ROWS=() FAILED=0

row() {
    local line
    # shellcheck disable=SC2059 # one format for all rows
    printf -v line "$HEADER" "$@"
    ROWS+=("${line%$'\n'}")
    printf '%s' "$line" >&2
}

# row_of NAME SECONDS REPORT STATUS: what the load saw.
row_of() {
    local name=$1 seconds=$2 report=$3 word=kept values=()
    if [[ $4 != 0 ]]; then word=BROKEN FAILED=1; fi
    mapfile -t values < <(jq -r '(.figures | map({key: .name, value: .value}) | from_entries) as $figure
        | ($figure["most resumes in a second"] | round), ($figure["longest way back"] / 1000 | . * 10 | round / 10),
          .checks.received, .checks.missing, .checks.double, .checks.out_of_order' "$report" 2>/dev/null)
    row "$name" "$seconds" "${values[@]:-?}" "$word"
    [[ $word == kept || ! -e $report ]] || jq -r '.objectives[] | select(.kept | not) | "    \(.promise): \(.measured)"' "$report" >&2
}

# up_or_ended LOAD LOG: everybody is in, or nobody will be.
up_or_ended() { grep -q "open $MEMBERS .*received" "$2" 2>/dev/null || ! kill -0 "$1" 2>/dev/null; }

# during NAME FLAG… -- COMMAND…: puts the load on, runs the command, lets everybody come back, and prints the row.
during() {
    local name=$1 began flags=() report status=0 did=0 load feed
    shift
    while [[ $1 != -- ]]; do
        flags+=("$1")
        shift
    done
    shift
    report=$LOGS/$(tr -c 'a-z0-9\n' - <<<"$name").json
    rm -f "$RUN/feed"
    mkfifo "$RUN/feed"
    exec {feed}<>"$RUN/feed" # both ways: to write alone waits for a reader, and a load that cannot start is none
    outside "$CONFAB_BIN_DIR/loadtest" hold --gateway "$(gateway_url)" --members "$MEMBERS" --rate "$RATE" --bytes 100 --warm-up 5 \
        --json "$report" "${flags[@]}" <"$RUN/feed" >"${report%.json}.txt" 2>"${report%.json}.log" {feed}>&- 8>&- &
    load=$!
    wait_for 180 up_or_ended "$load" "${report%.json}.log" || status=1
    kill -0 "$load" 2>/dev/null || status=1
    ((status == 0)) || say "$name: the load does not come up"
    began=$SECONDS
    "$@" {feed}>&- 8>&- || did=1 # what it starts and leaves running shall not keep them open
    began=$((SECONDS - began))
    exec {feed}>&-
    wait "$load" || status=1
    ((did == 0)) || { say "$name: what was to be done failed"; status=1; }
    row_of "$name" "$began" "$report" "$status"
}

# timed NAME COMMAND…: a row of what needs no load.
timed() {
    local name=$1 began=$SECONDS word=kept
    shift
    "$@" || word=BROKEN FAILED=1
    row "$name" "$((SECONDS - began))" - - - - - - "$word"
}

heading() { row "" seconds "resumes/s" "back in s" deliveries lost double disorder ""; }
summary() {
    say ""
    printf '%s\n' "${ROWS[@]}"
    return "$FAILED"
}
