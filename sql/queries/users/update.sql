-- Changes an account's name, organization role or status. Deactivation and deletion end all its tokens and sessions for good,
-- because they move its generations.
-- takes: organization, id, name, orgRole, status, actor
-- name, orgRole and status (active | deactivated | deleted): null for no change
-- → outcome (changed | unchanged | not_found | is_owner | is_oneself | of acting()) and the account
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as (
    select u.id, u.organization_id, u.email, u.name, u.kind, u.org_role, u.status, u.password_hash, u.created_at
    from users u
    cross join actor a
    where u.organization_id = :organization::bigint and u.id = :id::bigint and u.status <> 'deleted' and a.outcome = 'allowed'
    for no key update of u
), wanted as (
    select t.id, coalesce(:name, t.name) as name, coalesce(:orgRole, t.org_role) as org_role,
           coalesce(:status, t.status) as status,
           coalesce(:status, 'active') <> 'active' or coalesce(:orgRole, t.org_role) <> t.org_role as takes_rights
    from target t
), decision as (
    select t.id,
           case
               when t.org_role = 'owner' and w.takes_rights then 'is_owner'
               when t.id = a.user_id and w.takes_rights then 'is_oneself'
               when (w.name, w.org_role, w.status) = (t.name, t.org_role, t.status) then 'unchanged'
               else 'changed'
           end as outcome
    from target t
    join wanted w on w.id = t.id
    cross join actor a
), changed as (
    update users u
    set name = w.name, org_role = w.org_role, status = w.status
    from decision d
    join wanted w on w.id = d.id
    where u.id = d.id and d.outcome = 'changed'
    returning u.id, u.name, u.org_role, u.status
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select t.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'user.' || case
               when c.status = t.status then 'updated'
               when c.status = 'active' then 'reactivated'
               else c.status
           end,
           'user', t.id,
           jsonb_strip_nulls(jsonb_build_object(
               'email', t.email,
               'name', case when c.name <> t.name then jsonb_build_array(t.name, c.name) end,
               'orgRole', case when c.org_role <> t.org_role then jsonb_build_array(t.org_role, c.org_role) end,
               'status', case when c.status <> t.status then jsonb_build_array(t.status, c.status) end))
    from changed c
    join target t on t.id = c.id
    cross join actor a
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select t.organization_id, t.id, 'user.' || c.status, jsonb_build_object('userId', t.id, 'email', t.email)
    from changed c
    join target t on t.id = c.id
    where c.status <> t.status and c.status <> 'active'
)
select case when a.outcome = 'allowed' then coalesce(d.outcome, 'not_found') else a.outcome end as outcome,
       t.id, t.email, coalesce(c.name, t.name) as name, t.kind, coalesce(c.org_role, t.org_role) as "orgRole",
       coalesce(c.status, t.status) as status, t.password_hash is not null as "hasPassword", rfc3339(t.created_at) as "createdAt"
from actor a
left join target t on true
left join decision d on d.id = t.id
left join changed c on c.id = t.id;
