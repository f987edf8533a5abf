-- One page of the usage of a token, newest hours first.
-- takes: caller, id, since, cursor, limit
-- since: a time, or null for the last 7 days; cursor: ids below it only, or null
-- → for each hour, address, client, method, route and status: the cursor and the members shown; one row with a null cursor
--   when the token was not used; no row when the account has no such token
select a.id as cursor, rfc3339(a.hour) as hour, host(a.address) as ip, a.client, a.method, a.route, a.status, a.calls
from api_tokens t
left join lateral (
    select u.id, u.hour, u.address, u.client, u.method, u.route, u.status, u.calls
    from api_token_usage u
    where u.token_id = t.id
      and u.hour >= date_trunc('hour', coalesce(:since::timestamptz, now() - interval '7 days'), 'UTC')
      and (:cursor::bigint is null or u.id < :cursor::bigint)
    order by u.id desc
    limit :limit::integer
) a on true
where t.user_id = :caller::bigint and t.id = :id::bigint
order by a.id desc;
