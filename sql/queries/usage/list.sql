-- One page of what a token was used for, newest hours first; nothing when the token is not that account's.
-- $1 owner's user id, $2 token id, $3 since (RFC 3339, null: the last 7 days), $4 cursor: ids below it only, or null, $5 how many
-- → id, hour, address, client, method, route, status, calls
select a.id, rfc3339(a.hour), host(a.address), a.client, a.method, a.route, a.status, a.calls
from api_token_usage a
join api_tokens t on t.id = a.token_id
where t.user_id = $1::bigint and a.token_id = $2::bigint
  and a.hour >= date_trunc('hour', coalesce($3::timestamptz, now() - interval '7 days'), 'UTC')
  and ($4::bigint is null or a.id < $4::bigint)
order by a.id desc
limit $5::integer;
