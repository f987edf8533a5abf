-- Makes an account.
-- takes: organization, email, name, kind, orgRole, hash, actor
-- kind: person | service; orgRole: admin | member; hash: of the password, or null
-- → outcome (of acting()) and the account; not_found when there is no such organization;
--   constraint users_email_key: the address is taken
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), made as (
    insert into users (organization_id, email, name, kind, org_role, password_hash, created_by)
    select o.id, :email, :name, :kind, :orgRole, :hash, a.user_id
    from organizations o
    cross join actor a
    where o.id = :organization::bigint and a.outcome = 'allowed'
    returning id, organization_id, email, name, kind, org_role, status, password_hash, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select m.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.created', 'user', m.id,
           jsonb_build_object('email', m.email, 'name', m.name, 'kind', m.kind, 'orgRole', m.org_role)
    from made m, actor a
)
select case when a.outcome = 'allowed' and m.id is null then 'not_found' else a.outcome end as outcome,
       m.id, m.email, m.name, m.kind, m.org_role as "orgRole", m.status, m.password_hash is not null as "hasPassword",
       rfc3339(m.created_at) as "createdAt"
from actor a
left join made m on true;
