-- Gives a person a new password, which ends the person's earlier sessions.
-- takes: id, hash, actor
-- → the person; no row when there is no such person, or the account was deleted
with changed as (
    update users set password_hash = :hash
    where id = :id::bigint and kind = 'person' and status <> 'deleted'
    returning id, organization_id, email, name
), ended as (
    delete from sessions s using changed c where s.user_id = c.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select c.organization_id, (:actor::text::actor).*, 'user.password_set', 'user', c.id, jsonb_build_object('email', c.email)
    from changed c
)
select id, email, name, organization_id as "organizationId" from changed;
