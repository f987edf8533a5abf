-- Records that the password of a session was proven again. A new password meanwhile has ended the session.
-- takes: session, actor
-- → outcome (of acting(), for which a session that has ended is actor_gone)
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), confirmed as (
    update sessions s set confirmed_at = now(), wrong_passwords = 0
    from actor a
    where a.outcome = 'allowed' and s.id = :session::bigint and s.user_id = a.user_id
    returning s.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'session.confirmed', 'session', c.id
    from confirmed c, actor a
)
select outcome from actor;
