-- One page of an account's tokens, newest first.
-- $1 owner's user id, $2 status (active | expired | revoked | all), $3 cursor: ids below it only, or null, $4 how many
-- → of each token: id, name, preview, created, expires, days, rotate, last used, last used address, status, ended, reason,
--   predecessor id, successor id
select t.id, t.name, t.preview, rfc3339(t.created_at), rfc3339(t.expires_at), t.expires_in_days, rfc3339(t.rotate_at),
       rfc3339(l.used_at), host(l.address), s.status, rfc3339(s.ended_at), s.ended_reason, t.predecessor_id, n.id
from api_tokens t
join api_token_states s on s.id = t.id
left join api_token_last_used l on l.token_id = t.id
left join api_tokens n on n.predecessor_id = t.id
where t.user_id = $1::bigint and ($2 = 'all' or s.status = $2) and ($3::bigint is null or t.id < $3::bigint)
order by t.id desc
limit $4::integer;
