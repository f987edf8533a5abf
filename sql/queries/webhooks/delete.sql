-- Deletes a webhook: its address and secrets at once, its deliveries later by the worker.
-- takes: id, actor
-- → outcome (allowed | not_found | of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), deleted as (
    update webhooks h
    set deleted_at = now()
    from actor a
    where a.outcome = 'allowed' and h.organization_id = a.organization_id and h.id = :id::bigint and h.deleted_at is null
    returning h.id, h.name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'webhook.deleted', 'webhook', d.id,
           jsonb_build_object('name', d.name)
    from deleted d, actor a
)
select case when a.outcome = 'allowed' and not exists (select from deleted) then 'not_found' else a.outcome end as outcome
from actor a;
