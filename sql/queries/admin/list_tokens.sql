-- Tokens of one account or of all, newest first.
-- $1 owner's user id or null, $2 status (active | expired | revoked | all), $3 how many
-- → of each: id, name, preview, owner's e-mail, status, created, expires, rotate, last used, last used address,
--   requests a minute or null, ended, reason, owner's user id, organization id
select t.id, t.name, t.preview, u.email, s.status, rfc3339(t.created_at), rfc3339(t.expires_at), rfc3339(t.rotate_at),
       rfc3339(l.used_at), host(l.address), t.rate_limit, rfc3339(s.ended_at), s.ended_reason, t.user_id, u.organization_id
from api_tokens t
join users u on u.id = t.user_id
join api_token_states s on s.id = t.id
left join api_token_last_used l on l.token_id = t.id
where ($1::bigint is null or t.user_id = $1::bigint) and ($2 = 'all' or s.status = $2)
order by t.id desc
limit $3::integer;
