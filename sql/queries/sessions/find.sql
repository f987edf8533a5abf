-- The account of a session cookie. Records, at most once a minute, that the session is in use. A session ends after 12 idle
-- hours, 7 days after sign-in, and when the session generation of its account moves.
-- takes: digest
-- → session id, user id, e-mail, name, kind, organization role, organization id, organization name, which the server reads by
--   position; no row when the session is not valid
with found as (
    select s.id as session_id, s.last_seen_at, u.id, u.email, u.name, u.kind, u.org_role, u.organization_id
    from sessions s
    join users u on u.id = s.user_id
    where s.digest = :digest::bytea and s.expires_at > now() and s.last_seen_at > now() - interval '12 hours'
      and s.user_generation = u.session_generation and u.status = 'active'
), touched as (
    update sessions s set last_seen_at = now()
    from found f
    where s.id = f.session_id and f.last_seen_at < now() - interval '1 minute'
)
select f.session_id, f.id, f.email, f.name, f.kind, f.org_role, o.id, o.name
from found f
join organizations o on o.id = f.organization_id;
