-- Adds the usage of tokens, and when each was last used, except by calls that were refused because of the token. Of each token,
-- the first 100 pairs of address and client in an hour are told apart; the calls of others share entries under no address and the
-- client "other". Rows are written in the order of the key, so that two servers that write at once wait for each other but never
-- deadlock. Tokens that no longer exist, as after a restore, are left out: they would make the whole statement fail.
-- takes: calls
-- a JSON array of {"token", "address" (or null), "client", "method", "route", "status", "calls", "age" (ms since the last call)}
-- → nothing
with given as materialized (
    select a.token, a.used_at, a.address, a.client, a.method, a.route, a.status, a.calls,
           date_trunc('hour', a.used_at, 'UTC') as hour, coalesce(host(a.address), '') || ' ' || a.client as pair,
           a.address is null and a.client = '' as is_nameless
    from (
        select g.token, clock_timestamp() - g.age * interval '1 millisecond' as used_at, g.address::inet as address, g.client,
               g.method, g.route, g.status, g.calls
        from json_to_recordset(:calls::json) as g (token bigint, address text, client text, method text, route text,
                                               status smallint, calls bigint, age bigint)
        join api_tokens t on t.id = g.token
    ) a
), known as materialized (
    select h.token, h.hour, h.pairs, coalesce(k.pairs, '{}') as before
    from (
        select token, hour, array_agg(distinct pair) as pairs
        from given
        where not is_nameless
        group by token, hour
    ) h
    left join api_token_usage_pairs k on k.token_id = h.token and k.hour = h.hour
), grown as (
    insert into api_token_usage_pairs as p (token_id, hour, pairs)
    select token, hour, (before || array(select n from unnest(pairs) n where n <> all (before)))[1:(usage_pairs_max())]
    from known
    where not before @> pairs and cardinality(before) < usage_pairs_max()
    order by token, hour
    on conflict (token_id, hour)
        do update set pairs = (p.pairs || array(select n from unnest(excluded.pairs) n where n <> all (p.pairs)))
                              [1:(usage_pairs_max())]
    returning token_id, hour, pairs
), told as (
    select g.token, g.hour, g.address, g.client, g.method, g.route, g.status, g.calls, g.used_at,
           g.is_nameless or g.pair = any (coalesce(n.pairs, k.before)) as is_apart
    from given g
    left join known k on k.token = g.token and k.hour = g.hour
    left join grown n on n.token_id = g.token and n.hour = g.hour
), added as (
    insert into api_token_usage (token_id, hour, address, client, method, route, status, calls, last_at)
    select token, hour, case when is_apart then address end, case when is_apart then client else 'other' end, method, route,
           status, sum(calls), max(used_at)
    from told
    group by 1, 2, 3, 4, 5, 6, 7
    order by 1, 2, 3, 4, 5, 6, 7
    on conflict (token_id, hour, address, client, method, route, status)
        do update set calls = api_token_usage.calls + excluded.calls,
                      last_at = greatest(api_token_usage.last_at, excluded.last_at)
)
insert into api_token_last_used (token_id, used_at, address, client)
select distinct on (token) token, used_at, address, client
from given
where is_let_in(status)
order by token, used_at desc
on conflict (token_id)
    do update set used_at = excluded.used_at, address = excluded.address, client = excluded.client
    where api_token_last_used.used_at < excluded.used_at;
