-- Gives a person a new password; the sessions made before are dead with it.
-- $1 user id, $2 hash, $3 actor kind, $4 actor user id, $5 actor token id, $6 request id, $7 address
-- → id, e-mail, name, organization id; no row when there is no such person (any more)
with changed as (
    update users set password_hash = $2
    where id = $1::bigint and kind = 'person' and status <> 'deleted'
    returning id, organization_id, email, name
), ended as (
    delete from sessions s using changed c where s.user_id = c.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select c.organization_id, $3, $4::bigint, $5::bigint, 'user.password_set', 'user', c.id, $6, $7::inet,
           jsonb_build_object('email', c.email)
    from changed c
)
select id, email, name, organization_id from changed;
