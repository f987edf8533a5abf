-- Adds the usage of tokens, and when each was last used, except by calls that were refused because of the token. Of each token,
-- the first 100 pairs of address and client in an hour are told apart; the calls of others share entries under no address and the
-- client "other". Rows are written in the order of the key, so that two servers that write at once wait for each other but never
-- deadlock. Owners are told of tokens that are over their limit or presented after their end (may_alert()), and of the
-- first three networks in a day from which one is used and had not been used before. Tokens that no longer exist, as after a
-- restore, are left out: they would make the whole statement fail.
-- takes: calls
-- a JSON array of {"token", "address" (or null), "client", "method", "route", "status", "calls", "age" (ms since the last call),
-- "afterEnd" (true: refused because the token, whose secret was proven, has ended)}
-- → nothing
with given as materialized (
    select a.token, a.used_at, a.address, a.client, a.method, a.route, a.status, a.calls, a.is_after_end,
           date_trunc('hour', a.used_at, 'UTC') as hour, coalesce(host(a.address), '') || ' ' || a.client as pair,
           a.address is null and a.client = '' as is_nameless
    from (
        select g.token, clock_timestamp() - g.age * interval '1 millisecond' as used_at, g.address::inet as address, g.client,
               g.method, g.route, g.status, g.calls, coalesce(g."afterEnd", false) as is_after_end
        from json_to_recordset(:calls::json) as g (token bigint, address text, client text, method text, route text,
                                               status smallint, calls bigint, age bigint, "afterEnd" boolean)
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
), refused as materialized (
    select distinct on (r.token, r.topic) r.token, r.topic, r.address, r.client, r.used_at
    from (
        select g.token, case when g.is_after_end then 'api_key.presented_after_end' else 'api_key.rate_limited' end as topic,
               g.address, g.client, g.used_at
        from given g
        where g.is_after_end or g.status = 429
    ) r
    where not exists (select from api_token_alerts a
                      where a.token_id = r.token and a.topic = r.topic and not may_alert(a.topic, a.told_at, a.told))
    order by r.token, r.topic, r.address is null, r.used_at desc
), alerted as (
    insert into api_token_alerts as a (token_id, topic)
    select token, topic from refused order by token, topic
    on conflict (token_id, topic) do update set told_at = now(), told = a.told + 1 where may_alert(a.topic, a.told_at, a.told)
    returning a.token_id, a.topic
), arrived as materialized (
    select n.token, n.network, n.address, n.client, n.used_at, b.known + row_number() over w as place,
           b.lately + row_number() over w as place_lately
    from (
        select distinct on (g.token, network_of(g.address)) g.token, network_of(g.address) as network, g.address, g.client,
               g.used_at
        from given g
        where g.address is not null and is_let_in(g.status)
        order by g.token, network_of(g.address), g.used_at
    ) n
    cross join lateral (
        select count(*) as known, count(*) filter (where k.seen_at > now() - interval '1 day') as lately
        from api_token_networks k
        where k.token_id = n.token
        having count(*) filter (where k.network = n.network) = 0
    ) b
    window w as (partition by n.token order by n.used_at)
), learned as (
    insert into api_token_networks (token_id, network)
    select token, network from arrived where place <= token_networks_max() order by token, network
    on conflict (token_id, network) do nothing
    returning token_id, network
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select u.organization_id, u.id, e.topic,
           jsonb_strip_nulls(jsonb_build_object('apiKeyId', t.id, 'name', t.name, 'address', host(e.address),
                                                'network', e.network, 'client', nullif(e.client, ''), 'at', rfc3339(e.used_at)))
    from (
        select a.token_id, a.topic, r.address, r.client, r.used_at, null::cidr as network
        from alerted a
        join refused r on r.token = a.token_id and r.topic = a.topic
        union all
        select l.token_id, 'api_key.new_network', n.address, n.client, n.used_at, n.network
        from learned l
        join arrived n on n.token = l.token_id and n.network = l.network
        where n.place > 1 and n.place_lately <= 3
    ) e
    join api_tokens t on t.id = e.token_id
    join users u on u.id = t.user_id
    order by e.token_id, e.topic, e.used_at
)
insert into api_token_last_used (token_id, used_at, address, client)
select distinct on (token) token, used_at, address, client
from given
where is_let_in(status)
order by token, used_at desc
on conflict (token_id)
    do update set used_at = excluded.used_at, address = excluded.address, client = excluded.client
    where api_token_last_used.used_at < excluded.used_at;
