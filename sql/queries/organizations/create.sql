-- Makes an organization and its owner.
-- $1 organization's name, $2 owner's e-mail, $3 owner's name, $4 owner's password hash or null, $5 actor kind
-- → organization id, organization name, user id, e-mail, user name; constraint users_email_key: the address is taken
with made as (
    insert into organizations (name) values ($1)
    returning id, name
), person as (
    insert into users (organization_id, email, name, org_role, password_hash)
    select m.id, $2, $3, 'owner', $4 from made m
    returning id, email, name
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select m.id, $5, 'organization.created', 'organization', m.id, jsonb_build_object('name', m.name, 'ownerId', p.id)
    from made m, person p
)
select m.id, m.name, p.id, p.email, p.name from made m, person p;
