-- Ends a live token that somebody has found and whose secret they have shown, and tells its owner. The owner's account is locked
-- first, as by every statement that ends tokens. The look-up id is compared because an id may be another token's after a restore.
-- takes: id, lookup, address, request
-- → id of the token; no row when it has ended meanwhile
with owner as materialized (
    select u.id
    from api_tokens t
    join users u on u.id = t.user_id
    where t.id = :id::bigint and t.lookup_id = :lookup
    for no key update of u
), ended as materialized (
    select e.id, e.user_id, e.organization_id, e.name
    from owner o
    cross join lateral end_tokens(o.id, array[:id::bigint], false, null, 'leaked', null) e
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, request_id, address, detail)
    select e.organization_id, 'system', 'api_key.revoked', 'api_key', e.id, :request, :address::inet,
           jsonb_build_object('name', e.name, 'ownerId', e.user_id, 'reason', 'leaked')
    from ended e
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select e.organization_id, e.user_id, 'api_key.leaked',
           jsonb_build_object('apiKeyId', e.id, 'name', e.name, 'reason', 'leaked')
    from ended e
)
select e.id from ended e;
