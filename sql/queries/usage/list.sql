-- One page of the usage of a token, newest hours or days first.
-- takes: caller, id, since, bucket, cursor, limit
-- since: a time, or null for the last 7 days (by day: 30); bucket: hour | day; cursor: ids below it only, or null
-- → for each hour or day (the other is null), address, client, method, route and status: the cursor and the members shown; one
--   row with a null cursor when the token was not used; no row when the account has no such token
with token as (
    select t.id,
           date_trunc(:bucket, coalesce(:since::timestamptz, now() - case :bucket when 'day' then interval '30 days'
                                                                                  else interval '7 days' end), 'UTC') as since
    from api_tokens t
    where t.user_id = :caller::bigint and t.id = :id::bigint
)
select a.cursor, case :bucket when 'hour' then rfc3339(a.began) end as hour,
       case :bucket when 'day' then to_char(a.began at time zone 'UTC', 'YYYY-MM-DD') end as day, host(a.address) as ip, a.client,
       a.method, a.route, a.status, a.calls
from token t
left join lateral (
    -- A day's cursor is the lowest id of its hours, which stays when more are counted.
    select min(u.id) as cursor, date_trunc(:bucket, u.hour, 'UTC') as began, u.address, u.client, u.method, u.route, u.status,
           sum(u.calls)::bigint as calls
    from api_token_usage u
    where u.token_id = t.id and u.hour >= t.since
    group by date_trunc(:bucket, u.hour, 'UTC'), u.address, u.client, u.method, u.route, u.status
    having :cursor::bigint is null or min(u.id) < :cursor::bigint
    order by 1 desc
    limit :limit::integer
) a on true
order by a.cursor desc;
