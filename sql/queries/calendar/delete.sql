-- Takes the address of the caller's calendar feed away.
-- takes: actor
-- → outcome (allowed | not_found: it has none | of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), deleted as (
    delete from calendar_feeds f
    using actor a
    where a.outcome = 'allowed' and f.user_id = a.user_id
    returning f.user_id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'calendar.deleted', 'user', d.user_id
    from deleted d, actor a
)
select case when a.outcome = 'allowed' and not exists (select from deleted) then 'not_found' else a.outcome end as outcome
from actor a;
