-- Schemas, and the functions that other migrations build on. `testkase-admin migrate` makes schema testkase and its table
-- schema_migrations before it applies the first migration.

revoke all on schema testkase from public;
grant usage on schema testkase to testkase_server, testkase_worker;

create schema ops;
revoke all on schema ops from public;
grant usage on schema ops to testkase_ops;

alter default privileges in schema testkase revoke execute on functions from public;
alter default privileges revoke execute on functions from public;

grant select on testkase.schema_migrations to testkase_server, testkase_worker;

-- RFC 3339 in UTC, as the API shows times: whole seconds, cut and not rounded.
create function testkase.rfc3339(moment timestamptz) returns text
    language sql stable parallel safe
    return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

grant execute on function testkase.rfc3339(timestamptz) to testkase_server, testkase_worker;

-- How full the queue of notifications is, from 0 to 1. All databases of the cluster share it, and it keeps what any listener has
-- not yet read.
create function testkase.notification_queue_usage() returns double precision
    language sql volatile parallel safe
    return pg_notification_queue_usage();

-- In a full queue, PostgreSQL fails every commit that notifies: a listener that does not read, in whichever database, would stop
-- revocations. So half of the queue stays free.
create function testkase.notifications_are_sent() returns boolean
    language sql volatile parallel safe
    return testkase.notification_queue_usage() < 0.5;

grant execute on function testkase.notification_queue_usage(), testkase.notifications_are_sent() to testkase_worker;

-- Sends {key: [ids]} to the listeners of a channel when the transaction commits; without ids, sends nothing. PostgreSQL bounds
-- a payload (8000 bytes), so it has only the first 50 ids. Listeners find the others by a scan, and so they do after a
-- notification that was lost, or not sent because the queue is half full.
create function testkase.notify_ids(channel text, key text, ids anyarray) returns void
    language sql
as $$
    select pg_notify(channel, json_build_object(key, ids[1:50])::text)
    where cardinality(ids) > 0 and testkase.notifications_are_sent()
$$;

-- Trigger: notifies of the rows that the statement inserted or updated. Its arguments are the channel and the key.
create function testkase.notify_rows() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform notify_ids(tg_argv[0], tg_argv[1], array(select id from after_rows limit 50));
    return null;
end
$$;

-- Trigger: refuses every change of an append-only table.
create function testkase.refuse_change() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
