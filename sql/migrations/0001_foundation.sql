-- Schemas, and the functions that everything else uses. Schema testkase and its table schema_migrations are there already:
-- `testkase-admin migrate` makes them before the first migration.

create schema ops;

revoke all on schema testkase from public;
revoke all on schema ops from public;
grant usage on schema testkase to testkase_server, testkase_worker;
grant usage on schema ops to testkase_ops;

alter default privileges in schema testkase revoke execute on functions from public;
alter default privileges revoke execute on functions from public;

grant select on testkase.schema_migrations to testkase_server, testkase_worker;

-- RFC 3339 in UTC, as the API shows times: whole seconds, cut and not rounded.
create function testkase.rfc3339(moment timestamptz) returns text
    language sql stable parallel safe
    return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

grant execute on function testkase.rfc3339(timestamptz) to testkase_server, testkase_worker;
