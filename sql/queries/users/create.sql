-- Makes an account.
-- $1 organization id, $2 e-mail, $3 name, $4 kind (person | service), $5 organization role (admin | member), $6 password hash or null,
-- $7 actor kind, $8 actor user id, $9 actor token id, $10 request id, $11 address
-- → id, e-mail, name, kind, organization role, status, created; no row when there is no such organization;
--   constraint users_email_key: the address is taken
with made as (
    insert into users (organization_id, email, name, kind, org_role, password_hash)
    select o.id, $2, $3, $4, $5, $6
    from organizations o
    where o.id = $1::bigint
    returning id, organization_id, email, name, kind, org_role, status, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select m.organization_id, $7, $8::bigint, $9::bigint, 'user.created', 'user', m.id, $10, $11::inet,
           jsonb_build_object('email', m.email, 'name', m.name, 'kind', m.kind, 'orgRole', m.org_role)
    from made m
)
select id, email, name, kind, org_role, status, rfc3339(created_at) from made;
