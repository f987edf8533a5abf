-- Ends a live token for good, and on request the live tokens that it made: erases their hashes and closes their reminders.
-- takes: id, caller, user, reason, note, withDescendants, actor
-- user: the owner, an account of the actor's organization, which is locked first, as by every statement that ends tokens; null:
-- the caller, whom acting() has locked, is the owner, or any account when there is no caller
-- reason: revoked | leaked; note: why, or null; withDescendants: or null
-- → outcome (allowed | not_found: there is no such live token | of acting()), and the token
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), owner as materialized (
    select u.id
    from actor a
    join users u on u.id = :user::bigint and u.organization_id = a.organization_id and u.status <> 'deleted'
    where a.outcome = 'allowed'
    for no key update of u
), chosen as materialized (
    -- No account has the id 0: without the owner, nobody's token ends.
    select case when :user::bigint is null then :caller::bigint else coalesce((select o.id from owner o), 0) end as owner_id
), ended as materialized (
    select e.id, e.user_id, e.organization_id, e.name, e.preview
    from actor a
    cross join chosen c
    cross join lateral end_tokens(c.owner_id, array[:id::bigint], :withDescendants::boolean, a.user_id, :reason, :note) e
    where a.outcome = 'allowed'
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select e.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'api_key.revoked', 'api_key', e.id,
           jsonb_strip_nulls(jsonb_build_object('name', e.name, 'ownerId', e.user_id, 'reason', :reason::text,
                                                'note', :note::text))
    from ended e, actor a
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select e.organization_id, e.user_id, 'api_key.revoked',
           jsonb_strip_nulls(jsonb_build_object('apiKeyId', e.id, 'name', e.name, 'reason', :reason::text, 'byUserId', a.user_id))
    from ended e, actor a
)
select case when a.outcome = 'allowed' and e.id is null then 'not_found' else a.outcome end as outcome, e.id, e.name,
       e.preview as "tokenPreview", e.user_id as "ownerId"
from actor a
left join ended e on e.id = :id::bigint;
