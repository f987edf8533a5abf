-- Ends that a person is the custodian of a service account.
-- takes: organization, id, user, actor
-- id: the service account; user: the person
-- → outcome (allowed | not_found: it is none | of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), removed as (
    delete from custodians c
    using actor a
    where a.outcome = 'allowed' and c.organization_id = :organization::bigint and c.service_id = :id::bigint
      and c.user_id = :user::bigint
    returning c.service_id, c.user_id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.custodian_removed', 'user',
           r.service_id, jsonb_build_object('userId', r.user_id)
    from removed r, actor a
)
select case when a.outcome = 'allowed' and not exists (select from removed) then 'not_found' else a.outcome end as outcome
from actor a;
