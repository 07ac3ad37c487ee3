#!/bin/sh
# Run once, by the database's image, when its volume is empty: the role and the database of docs/postgres.md.
# The superuser keeps no password: it comes in over the socket inside of this container, and nowhere else.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE viot LOGIN PASSWORD :'password';
CREATE DATABASE viot OWNER viot ENCODING 'UTF8' TEMPLATE template0;
ALTER ROLE CURRENT_USER PASSWORD NULL;
\connect viot
CREATE EXTENSION vector;
SQL
