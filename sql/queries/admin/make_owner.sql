-- Makes a person the owner of the organization; who was the owner until then becomes an admin.
-- takes: id, actor
-- → outcome (changed | unchanged | not_found | is_service | not_active | no_password | overtaken | of acting()), the account,
--   and the address of the earlier owner
-- overtaken: another call has changed the owner meanwhile, so that nothing was changed
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as materialized (
    select u.id, u.organization_id, u.email, u.name, u.kind, u.org_role, u.status, u.password_hash, u.created_at
    from users u
    cross join actor a
    where u.id = :id::bigint and u.status <> 'deleted' and a.outcome = 'allowed'
    for no key update of u
), decision as (
    select t.id,
           case
               when t.kind = 'service' then 'is_service'
               when t.status <> 'active' then 'not_active'
               when t.org_role = 'owner' then 'unchanged'
               when t.password_hash is null then 'no_password'
               else 'changed'
           end as outcome
    from target t
), earlier as (
    update users u set org_role = 'admin'
    from target t
    join decision d on d.id = t.id
    where u.organization_id = t.organization_id and u.org_role = 'owner' and d.outcome = 'changed'
    returning u.id, u.organization_id, u.email
), changed as (
    -- After that: an organization has one owner at any time.
    update users u set org_role = 'owner'
    from earlier e
    where u.id = :id::bigint and u.organization_id = e.organization_id
    returning u.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select t.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.updated', 'user', w.id,
           jsonb_build_object('email', w.email, 'orgRole', jsonb_build_array(w.before, w.after))
    from changed c
    join target t on t.id = c.id
    cross join earlier e
    cross join actor a
    cross join lateral (values (e.id, e.email, 'owner', 'admin'),
                               (t.id, t.email, t.org_role, 'owner')) w (id, email, before, after)
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when d.outcome = 'changed' and c.id is null then 'overtaken'
           else coalesce(d.outcome, 'not_found')
       end as outcome,
       t.id, t.email, t.name, t.kind, case when c.id is null then t.org_role else 'owner' end as "orgRole", t.status,
       rfc3339(t.created_at) as "createdAt", t.organization_id as "organizationId", e.email as "earlierOwner"
from actor a
left join target t on true
left join decision d on d.id = t.id
left join changed c on c.id = t.id
left join earlier e on true;
