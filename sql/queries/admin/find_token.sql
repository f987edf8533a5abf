-- One token, whosesoever it is.
-- $1 token id
-- → id, name, preview, status, owner's user id, e-mail, name, kind, organization id, organization name, created, expires,
--   last used, last used address, ended, reason; no row when there is none
select t.id, t.name, t.preview, s.status, u.id, u.email, u.name, u.kind, o.id, o.name, rfc3339(t.created_at),
       rfc3339(t.expires_at), rfc3339(l.used_at), host(l.address), rfc3339(s.ended_at), s.ended_reason
from api_tokens t
join users u on u.id = t.user_id
join organizations o on o.id = u.organization_id
join api_token_states s on s.id = t.id
left join api_token_last_used l on l.token_id = t.id
where t.id = $1::bigint;
