-- Ends all sessions of the caller's account but the one that the caller came by.
-- takes: session, actor
-- session: the caller's own, or null
-- → outcome (of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), ended as (
    delete from sessions s
    using actor a
    where a.outcome = 'allowed' and s.user_id = a.user_id and s.id is distinct from :session::bigint
    returning s.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'session.deleted', 'session', e.id
    from ended e, actor a
)
select outcome from actor;
