-- One token of an account.
-- $1 owner's user id, $2 token id
-- → id, name, preview, created, expires, days, rotate, last used, last used address, status, ended, reason, predecessor id,
--   successor id; no row when the account has no such token
select t.id, t.name, t.preview, rfc3339(t.created_at), rfc3339(t.expires_at), t.expires_in_days, rfc3339(t.rotate_at),
       rfc3339(l.used_at), host(l.address), s.status, rfc3339(s.ended_at), s.ended_reason, t.predecessor_id, n.id
from api_tokens t
join api_token_states s on s.id = t.id
left join api_token_last_used l on l.token_id = t.id
left join api_tokens n on n.predecessor_id = t.id
where t.user_id = $1::bigint and t.id = $2::bigint;
