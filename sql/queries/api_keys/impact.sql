-- What a token was used for lately, and so what its end would break.
-- takes: caller, id, days
-- → a summary in a sentence, counts of the last days (of UTC, with today), the last use, lists of at most 20 entries with the
--   most calls first, and the live tokens that it made; no row when the account has no such token
with token as (
    select t.id, l.used_at, l.address, l.client
    from api_tokens t
    left join api_token_last_used l on l.token_id = t.id
    where t.user_id = :caller::bigint and t.id = :id::bigint
), used as materialized (
    select split_part(u.client, '/', 1) as client, host(u.address) as address, u.method, u.route,
           (u.hour at time zone 'UTC')::date as day, u.calls, is_refused(u.status) as is_refused, u.last_at
    from token t
    join api_token_usage u on u.token_id = t.id
    where u.hour >= (date_trunc('day', now() at time zone 'UTC') - (:days::integer - 1) * interval '1 day') at time zone 'UTC'
), total as (
    select coalesce(sum(calls) filter (where not is_refused), 0)::bigint as calls,
           coalesce(sum(calls) filter (where is_refused), 0)::bigint as refused,
           count(distinct (client, address)) filter (where not is_refused) as places
    from used
), by_place as (
    select client, address, sum(calls) filter (where not is_refused) as calls, sum(calls) filter (where is_refused) as refused,
           max(last_at) as last_at
    from used group by 1, 2 order by 3 desc nulls last, last_at desc limit 20
), by_address as (
    select address, sum(calls) filter (where not is_refused) as calls, sum(calls) filter (where is_refused) as refused,
           max(last_at) as last_at
    from used group by 1 order by 2 desc nulls last, last_at desc limit 20
), by_client as (
    select client, sum(calls) filter (where not is_refused) as calls, sum(calls) filter (where is_refused) as refused,
           max(last_at) as last_at
    from used group by 1 order by 2 desc nulls last, last_at desc limit 20
), by_route as (
    select method, route, sum(calls) filter (where not is_refused) as calls, sum(calls) filter (where is_refused) as refused,
           max(last_at) as last_at
    from used group by 1, 2 order by 3 desc nulls last, last_at desc limit 20
), by_day as (
    select d.day, sum(u.calls) filter (where not u.is_refused) as calls, sum(u.calls) filter (where u.is_refused) as refused
    from (select ((now() at time zone 'UTC')::date - n) as day from generate_series(0, :days::integer - 1) n) d
    left join used u on u.day = d.day
    group by 1
), made as (
    select t.id, t.name, t.preview
    from token o
    cross join descendants_of(o.id) d
    join api_tokens t on t.id = d.id
), words as (
    select case
               when o.used_at is null then 'Never used.'
               when n.calls = 0 then 'Not used in the last ' || counted(:days::integer, 'day') || '. The last call came '
                                     || ago(o.used_at) || ' from ' || place_words(o.client, o.address) || '.'
               else 'In use: ' || counted(n.calls, 'call') || ' in the last ' || counted(:days::integer, 'day') || ' from '
                    || counted(n.places, 'place') || ', the last one ' || ago(o.used_at) || ' from '
                    || place_words(o.client, o.address) || '.'
           end
           || coalesce((select ' It made ' || counted(count(*), 'token') || ' that can still be used.'
                        from made having count(*) > 0), '') as summary
    from token o, total n
)
select w.summary, :days::integer as days, n.calls, n.refused, rfc3339(o.used_at) as "lastUsedAt", host(o.address) as "lastUsedIp",
       o.client as "lastUsedClient",
       (select json_agg(json_build_object('day', d.day, 'calls', coalesce(d.calls, 0), 'refused', coalesce(d.refused, 0))
                        order by d.day)
        from by_day d) as "perDay",
       (select coalesce(json_agg(json_build_object('client', p.client, 'address', p.address, 'calls', coalesce(p.calls, 0),
                                                   'refused', coalesce(p.refused, 0), 'lastAt', rfc3339(p.last_at))), '[]')
        from by_place p) as places,
       (select coalesce(json_agg(json_build_object('address', p.address, 'calls', coalesce(p.calls, 0),
                                                   'refused', coalesce(p.refused, 0), 'lastAt', rfc3339(p.last_at))), '[]')
        from by_address p) as addresses,
       (select coalesce(json_agg(json_build_object('client', p.client, 'calls', coalesce(p.calls, 0),
                                                   'refused', coalesce(p.refused, 0), 'lastAt', rfc3339(p.last_at))), '[]')
        from by_client p) as clients,
       (select coalesce(json_agg(json_build_object('method', p.method, 'route', p.route, 'calls', coalesce(p.calls, 0),
                                                   'refused', coalesce(p.refused, 0), 'lastAt', rfc3339(p.last_at))), '[]')
        from by_route p) as routes,
       json_build_object('live', (select count(*) from made),
                         'data', (select coalesce(json_agg(json_build_object('id', m.id, 'name', m.name,
                                                                             'tokenPreview', m.preview)), '[]')
                                  from (select id, name, preview from made order by id limit 20) m)) as descendants
from token o, total n, words w;
