-- Makes an account.
-- takes: organization, email, name, kind, orgRole, hash, actor
-- kind: person | service; orgRole: admin | member; hash: of the password, or null
-- → the account; no row when there is no such organization; constraint users_email_key: the address is taken
with made as (
    insert into users (organization_id, email, name, kind, org_role, password_hash)
    select o.id, :email, :name, :kind, :orgRole, :hash
    from organizations o
    where o.id = :organization::bigint
    returning id, organization_id, email, name, kind, org_role, status, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select m.organization_id, (:actor::text::actor).*, 'user.created', 'user', m.id,
           jsonb_build_object('email', m.email, 'name', m.name, 'kind', m.kind, 'orgRole', m.org_role)
    from made m
)
select id, email, name, kind, org_role as "orgRole", status, rfc3339(created_at) as "createdAt" from made;
