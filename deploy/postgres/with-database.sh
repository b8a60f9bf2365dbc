# shellcheck shell=bash
# with_database COMMAND…: runs pg_dump, pg_restore or psql on the database of DATABASE_URL. Whoever lists processes reads their
# words, so the password is not among them: it goes by PGPASSWORD. Sourced.
with_database() {
    local url=$DATABASE_URL password=${PGPASSWORD:-}
    if [[ $url =~ ^([^:]+://[^:@/?]*):([^@/?]*)@(.*)$ ]]; then
        url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]} password=${BASH_REMATCH[2]}
        password=${password//\\/\\\\}
        printf -v password %b "${password//%/\\x}" # %2F is /
    fi
    if [[ $url =~ (^|[?\&[:space:]])password ]]; then
        echo "write the password of DATABASE_URL before its @" >&2
        return 1
    fi
    PGPASSWORD=$password "$@" --dbname="$url"
}
