-- Ends a session.
-- $1 session id, $2 user id, $3 request id, $4 address
-- → the session's id; no row when it had ended already
with ended as (
    delete from sessions where id = $1::bigint and user_id = $2::bigint
    returning id, user_id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, action, target_kind, target_id, request_id, address)
    select u.organization_id, 'user', u.id, 'session.deleted', 'session', e.id, $3, $4::inet
    from ended e
    join users u on u.id = e.user_id
)
select id from ended;
