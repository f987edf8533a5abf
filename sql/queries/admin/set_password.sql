-- Gives a person a new password, which ends the person's earlier sessions.
-- takes: id, hash, actor
-- → the person; no row when there is no such person, or the account was deleted
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), changed as (
    update users u set password_hash = :hash
    from actor a
    where u.id = :id::bigint and u.kind = 'person' and u.status <> 'deleted' and a.outcome = 'allowed'
    returning u.id, u.organization_id, u.email, u.name
), ended as (
    delete from sessions s using changed c where s.user_id = c.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select c.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.password_set', 'user', c.id,
           jsonb_build_object('email', c.email)
    from changed c, actor a
)
select id, email, name, organization_id as "organizationId" from changed;
