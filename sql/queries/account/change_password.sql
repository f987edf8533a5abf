-- Gives the caller's account a new password, which ends all its sessions, and begins a new one in the place of the caller's. Its
-- tokens stay valid. A new password meanwhile, or a deactivation, has ended the session that proved the old password: then the
-- outcome is actor_gone. The old sessions are deleted before the new one begins, because the trigger sessions_stamp deletes
-- sessions, too, and a statement may delete a row only once.
-- takes: hash, digest, client, actor
-- hash: of the new password; digest: of the new session's cookie
-- → outcome (of acting()), and how many seconds the new session lasts
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), changed as (
    update users u set password_hash = :hash
    from actor a
    where u.id = a.user_id and a.outcome = 'allowed'
    returning u.id, u.organization_id, u.email
), ended as (
    delete from sessions s using changed c where s.user_id = c.id
    returning s.id
), begun as (
    insert into sessions (digest, user_id, address, client)
    select :digest::bytea, c.id, a.address, left(:client, 200)
    from changed c
    cross join actor a
    cross join (select count(*) from ended) e
    returning id, expires_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select c.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.password_changed', 'user', c.id,
           jsonb_build_object('email', c.email, 'sessionId', b.id)
    from changed c, begun b, actor a
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select c.organization_id, c.id, 'user.password_changed', jsonb_build_object('userId', c.id, 'email', c.email)
    from changed c
)
select a.outcome, extract(epoch from b.expires_at - now())::bigint as seconds
from actor a
left join begun b on true;
