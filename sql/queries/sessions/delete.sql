-- Ends a session.
-- takes: session, caller, actor
-- → outcome (of acting(), for which a session that has ended is actor_gone)
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), ended as (
    delete from sessions s
    using actor a
    where a.outcome = 'allowed' and s.id = :session::bigint and s.user_id = :caller::bigint
    returning s.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'session.deleted', 'session', e.id
    from ended e, actor a
)
select outcome from actor;
