-- Ends a session.
-- takes: session, caller, actor
-- → the session's id; no row when it has already ended
with ended as (
    delete from sessions where id = :session::bigint and user_id = :caller::bigint
    returning id, user_id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select u.organization_id, (:actor::text::actor).*, 'session.deleted', 'session', e.id
    from ended e
    join users u on u.id = e.user_id
)
select id from ended;
