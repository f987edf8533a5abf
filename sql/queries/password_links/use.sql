-- Sets a password by a link, which ends all links and sessions of the account; its tokens stay valid. The account is locked, and
-- the link must still be there when it is deleted: of requests with the same link at the same time, one succeeds.
-- takes: digest, hash, request, address
-- hash: of the new password
-- → the account's id; no row when the link is not valid any more
with maker as materialized (
    -- Locked, so that the right still holds when the password is set.
    select m.id
    from password_link_secrets s
    join password_links l on l.id = s.link_id
    join users m on m.id = l.created_by
    where s.digest = :digest::bytea
    for share of m
), person as materialized (
    select u.id, u.organization_id, u.email, l.id as link_id, l.purpose
    from password_link_secrets s
    join password_links l on l.id = s.link_id and l.expires_at > now()
    join users u on u.id = l.user_id and u.status = 'active' and u.session_generation = l.user_generation
    where s.digest = :digest::bytea and (select count(*) from maker) >= 0 and may_still_be_used(l.id)
    for no key update of u
), spent as (
    delete from password_links l using person p where l.user_id = p.id
    returning l.id
), allowed as (
    select p.id, p.organization_id, p.email, p.purpose
    from person p
    join spent s on s.id = p.link_id
), changed as (
    update users u set password_hash = :hash
    from allowed a
    where u.id = a.id
    returning u.id, u.organization_id, u.email, a.purpose
), ended as (
    delete from sessions s using changed c where s.user_id = c.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, request_id, address, action, target_kind, target_id,
                              detail)
    select c.organization_id, 'user', c.id, :request, :address::inet, 'user.password_changed', 'user', c.id,
           jsonb_build_object('email', c.email, 'by', c.purpose)
    from changed c
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select c.organization_id, c.id, 'user.password_changed',
           jsonb_build_object('userId', c.id, 'email', c.email, 'by', c.purpose)
    from changed c
)
select id from changed;
