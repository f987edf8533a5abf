-- Adds the usage of tokens, and when each was last used, except by calls that were refused because of the token. Rows are
-- written in the order of the key, so that two servers that write at once wait for each other but never deadlock. Tokens that
-- no longer exist, as after a restore, are left out: they would make the whole statement fail.
-- takes: calls
-- a JSON array of {"token", "address" (or null), "client", "method", "route", "status", "calls", "age" (ms since the last call)}
-- → nothing
with given as (
    select g.token, clock_timestamp() - g.age * interval '1 millisecond' as used_at, g.address::inet as address, g.client,
           g.method, g.route, g.status, g.calls
    from json_to_recordset(:calls::json) as g (token bigint, address text, client text, method text, route text, status smallint,
                                           calls bigint, age bigint)
    join api_tokens t on t.id = g.token
), added as (
    insert into api_token_usage (token_id, hour, address, client, method, route, status, calls)
    select token, date_trunc('hour', used_at, 'UTC') as hour, address, client, method, route, status, sum(calls)
    from given
    group by 1, 2, 3, 4, 5, 6, 7
    order by 1, 2, 3, 4, 5, 6, 7
    on conflict (token_id, hour, address, client, method, route, status)
        do update set calls = api_token_usage.calls + excluded.calls
)
insert into api_token_last_used (token_id, used_at, address, client)
select distinct on (token) token, used_at, address, client
from given
where status not in (401, 429)
order by token, used_at desc
on conflict (token_id)
    do update set used_at = excluded.used_at, address = excluded.address, client = excluded.client
    where api_token_last_used.used_at < excluded.used_at;
