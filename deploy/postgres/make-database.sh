#!/usr/bin/env bash
# What the image of Postgres runs once, on an empty volume: the role of the programs owns their database, and is no superuser.
set -euo pipefail

# The words of a query are in no list of processes.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv password DATABASE_PASSWORD
CREATE ROLE confab LOGIN PASSWORD :'password';
CREATE DATABASE confab OWNER confab;
SQL
