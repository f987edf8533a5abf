-- The usage of each token. No decision about a token reads it, and no change of it moves the epoch.

-- Calls per hour, address, client, method, route and status. The servers count in memory and write about once a second.
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
    -- The address of a client on a unix socket is unknown.
    unique nulls not distinct (token_id, hour, address, client, method, route, status)
) partition by range (hour);

create table testkase.api_token_usage_default partition of testkase.api_token_usage default;

create index api_token_usage_token_idx on testkase.api_token_usage (token_id, id desc);

insert into testkase.partitioned_tables (name, by_column) values ('api_token_usage', 'hour');
select testkase.make_partitions(3);

grant select on testkase.api_token_usage to testkase_server;
grant insert (token_id, hour, address, client, method, route, status, calls), update (calls)
    on testkase.api_token_usage to testkase_server;

-- How many pairs of address and client are told apart in the usage of one token in one hour. Clients choose both (a name, or one
-- of many IPv6 addresses), so without a bound one token could fill the table.
create function testkase.usage_pairs_max() returns integer
    language sql immutable parallel safe
    return 100;

grant execute on function testkase.usage_pairs_max() to testkase_server;

-- The pairs that were told apart so far, as "address client". Calls of any other pair are counted under no address and the client
-- "other". Rows of past hours are deleted.
create table testkase.api_token_usage_pairs (
    token_id bigint not null,
    hour timestamptz not null,
    pairs text[] collate "C" not null,
    primary key (token_id, hour),
    constraint api_token_usage_pairs_max check (cardinality(pairs) <= testkase.usage_pairs_max())
) with (fillfactor = 50);

create index api_token_usage_pairs_hour_idx on testkase.api_token_usage_pairs (hour);

grant select on testkase.api_token_usage_pairs to testkase_server;
grant insert (token_id, hour, pairs), update (pairs) on testkase.api_token_usage_pairs to testkase_server;

-- Deletes usage of whole months that ended at least `months` months ago, and the pairs of hours that are over; returns how many
-- partitions it dropped.
create function testkase.prune_usage(months integer) returns integer
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    oldest timestamptz := (date_trunc('month', now() at time zone 'UTC') - greatest(months, 1) * interval '1 month')
                          at time zone 'UTC';
    partition_name text;
    dropped integer := 0;
begin
    lock table partitioned_tables in share row exclusive mode; -- as make_partitions() does
    for partition_name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'testkase.api_token_usage'::regclass and c.relname ~ '^api_token_usage_[0-9]{4}_[0-9]{2}$'
          and to_date(right(c.relname, 7), 'YYYY_MM') < oldest at time zone 'UTC'
    loop
        execute format('drop table testkase.%I', partition_name);
        dropped := dropped + 1;
    end loop;
    delete from api_token_usage_default where hour < oldest;
    delete from api_token_usage_pairs where hour < date_trunc('hour', now(), 'UTC') - interval '1 hour';
    return dropped;
end
$$;

grant execute on function testkase.prune_usage(integer) to testkase_worker;
