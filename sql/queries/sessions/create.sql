-- Begins a session, if the person is still active and the password is still the one that was proven.
-- $1 user id, $2 password hash that was proven, $3 digest of the cookie, $4 address, $5 client, $6 request id
-- → user id, e-mail, name, kind, organization role, organization id, organization name; no row when it may not begin
with person as (
    select u.id, u.email, u.name, u.kind, u.org_role, u.session_generation, u.organization_id
    from users u
    where u.id = $1::bigint and u.status = 'active' and u.password_hash = $2
    for share
), begun as (
    insert into sessions (digest, user_id, user_generation, expires_at, address, client)
    select $3::bytea, p.id, p.session_generation, now() + interval '7 days', $4::inet, left($5, 200)
    from person p
    returning id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, action, target_kind, target_id, request_id, address)
    select p.organization_id, 'user', p.id, 'session.created', 'session', b.id, $6, $4::inet
    from person p, begun b
)
select p.id, p.email, p.name, p.kind, p.org_role, o.id, o.name
from begun
cross join person p
join organizations o on o.id = p.organization_id;
