-- Ends one session of the caller's account.
-- takes: id, actor
-- → outcome (not_found | of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), ended as (
    delete from sessions s
    using actor a
    where a.outcome = 'allowed' and s.id = :id::bigint and s.user_id = a.user_id
    returning s.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'session.deleted', 'session', e.id
    from ended e, actor a
)
select case when a.outcome = 'allowed' and e.id is null then 'not_found' else a.outcome end as outcome
from actor a
left join ended e on true;
