-- Ends all live tokens.
-- takes: note
-- → count: how many
with chosen as materialized (
    select array_agg(t.id) as ids
    from api_tokens t
    join users u on u.id = t.user_id
    where t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
), ended as materialized (
    select e.id, e.user_id, e.organization_id, e.name
    from chosen c
    cross join lateral end_tokens(null, c.ids, false, null, 'revoked', :note) e
    where c.ids is not null
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select e.organization_id, 'operator', 'api_key.revoked', 'api_key', e.id,
           jsonb_build_object('name', e.name, 'ownerId', e.user_id, 'reason', 'revoked', 'note', :note::text)
    from ended e
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select e.organization_id, e.user_id, 'api_key.revoked',
           jsonb_build_object('apiKeyId', e.id, 'name', e.name, 'reason', 'revoked')
    from ended e
)
select count(*) as count
from ended;
