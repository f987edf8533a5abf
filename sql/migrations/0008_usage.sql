-- What each token is used for: calls per hour, address, client, call and status. Summed by the servers, written about once a
-- second. Nothing that decides on a token stands here, and no change here moves the epoch.

create table testkase.api_token_usage (
    id bigint generated always as identity,
    token_id bigint not null,
    hour timestamptz not null,
    address inet,
    client text not null check (char_length(client) <= 64),
    method text not null check (char_length(method) <= 16),
    route text not null check (char_length(route) <= 200),
    status smallint not null,
    calls bigint not null check (calls > 0),
    -- An address is unknown behind a unix socket.
    unique nulls not distinct (token_id, hour, address, client, method, route, status)
) partition by range (hour);

create table testkase.api_token_usage_default partition of testkase.api_token_usage default;

create index api_token_usage_token_idx on testkase.api_token_usage (token_id, id desc);

alter table testkase.api_token_last_used add column client text check (char_length(client) <= 64);

-- The tables that are partitioned by month, and the column that says which.
create table testkase.partitioned_tables (
    name text primary key,
    by_column text not null
);

insert into testkase.partitioned_tables (name, by_column)
values ('audit_events', 'occurred_at'), ('api_token_usage', 'hour');

-- Makes the partitions of this month and the next `ahead` ones; returns how many it made. Rows of a month that began before its
-- partition was there stay in the default partition: they are found there all the same, so such a month gets none.
create or replace function testkase.make_partitions(ahead integer) returns integer
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    table_of record;
    first_day timestamptz;
    next_first timestamptz;
    partition_name text;
    is_begun boolean;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('testkase.make_partitions'));
    for table_of in select * from partitioned_tables order by name loop
        for month in 0..least(ahead, 24) loop
            first_day := (date_trunc('month', now() at time zone 'UTC') + month * interval '1 month') at time zone 'UTC';
            next_first := (date_trunc('month', now() at time zone 'UTC') + (month + 1) * interval '1 month') at time zone 'UTC';
            partition_name := table_of.name || '_' || to_char(first_day at time zone 'UTC', 'YYYY_MM');
            continue when to_regclass('testkase.' || partition_name) is not null;
            execute format('select exists (select from testkase.%I where %I >= $1 and %I < $2)',
                           table_of.name || '_default', table_of.by_column, table_of.by_column)
                into is_begun using first_day, next_first;
            continue when is_begun;
            execute format('create table testkase.%I partition of testkase.%I for values from (%L) to (%L)',
                           partition_name, table_of.name, first_day, next_first);
            made := made + 1;
        end loop;
    end loop;
    return made;
end
$$;

select testkase.make_partitions(3);

-- Forgets usage of whole months that ended at least `months` months ago; returns how many partitions it dropped.
create function testkase.prune_usage(months integer) returns integer
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    oldest timestamptz := (date_trunc('month', now() at time zone 'UTC') - greatest(months, 1) * interval '1 month')
                          at time zone 'UTC';
    partition_name text;
    dropped integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('testkase.make_partitions'));
    for partition_name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'testkase.api_token_usage'::regclass and c.relname ~ '^api_token_usage_\d{4}_\d{2}$'
          and to_date(right(c.relname, 7), 'YYYY_MM') < oldest at time zone 'UTC'
    loop
        execute format('drop table testkase.%I', partition_name);
        dropped := dropped + 1;
    end loop;
    delete from api_token_usage_default where hour < oldest;
    return dropped;
end
$$;

grant execute on function testkase.prune_usage(integer) to testkase_worker;
grant select, insert on testkase.api_token_usage to testkase_server;
grant update (calls) on testkase.api_token_usage to testkase_server;
