-- Makes a person the custodian of a service account.
-- takes: organization, id, user, actor
-- id: the service account; user: the person
-- → outcome (changed | unchanged | not_found: one of the two accounts | not_a_service | not_a_person | of acting()) and the
--   person
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), service as (
    select u.id, u.kind
    from actor a
    join users u on u.organization_id = :organization::bigint and u.id = :id::bigint and u.status <> 'deleted'
    where a.outcome = 'allowed'
    for share of u
), person as (
    select u.id, u.kind, u.name, u.email, u.status
    from actor a
    join users u on u.organization_id = :organization::bigint and u.id = :user::bigint and u.status <> 'deleted'
    where a.outcome = 'allowed'
    for share of u
), added as (
    insert into custodians (organization_id, service_id, user_id)
    select :organization::bigint, s.id, p.id
    from service s, person p
    where s.kind = 'service' and p.kind = 'person'
    on conflict (service_id, user_id) do nothing
    returning user_id, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.custodian_added', 'user', s.id,
           jsonb_build_object('userId', d.user_id)
    from added d, service s, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when s.id is null or p.id is null then 'not_found'
           when s.kind <> 'service' then 'not_a_service'
           when p.kind <> 'person' then 'not_a_person'
           when d.user_id is null then 'unchanged'
           else 'changed'
       end as outcome,
       p.id as "userId", p.name, p.email, p.status, rfc3339(coalesce(d.created_at, c.created_at)) as "addedAt"
from actor a
left join service s on true
left join person p on true
left join added d on true
left join custodians c on c.service_id = s.id and c.user_id = p.id;
