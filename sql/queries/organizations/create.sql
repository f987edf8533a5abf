-- Makes an organization and its owner.
-- takes: name, email, ownerName, hash, actor
-- hash: of the owner's password, or null
-- → the organization and its owner; constraint users_email_key: the address is taken
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), made as (
    insert into organizations (name)
    select :name from actor a where a.outcome = 'allowed'
    returning id, name
), person as (
    insert into users (organization_id, email, name, org_role, password_hash)
    select m.id, :email, :ownerName, 'owner', :hash from made m
    returning id, email, name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select m.id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'organization.created', 'organization', m.id,
           jsonb_build_object('name', m.name, 'ownerId', p.id)
    from made m, person p, actor a
)
select m.id, m.name, p.id as "ownerId", p.email as "ownerEmail", p.name as "ownerName" from made m, person p;
