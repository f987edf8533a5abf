-- Ends a live token for good, and on request the live tokens that it made: erases their hashes and closes their reminders.
-- takes: id, caller, reason, note, withDescendants, actor
-- caller: the owner, or null for any owner; reason: revoked | leaked; note: why, or null; withDescendants: or null
-- → outcome (allowed | not_found: there is no such live token | of acting()), and the token
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), chosen as (
    select t.id
    from api_tokens t
    join users u on u.id = t.user_id
    cross join actor a
    where a.outcome = 'allowed' and t.id = :id::bigint and (:caller::bigint is null or t.user_id = :caller::bigint)
      and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    for no key update of t
), doomed as (
    select c.id from chosen c
    union
    select d.id from chosen c cross join descendants_of(c.id) d where :withDescendants::boolean
), ended as (
    update api_tokens t
    set ended_at = now(), ended_reason = :reason, ended_by = a.user_id, ended_note = :note
    from users u, actor a, doomed d
    where t.id = d.id and u.id = t.user_id and t.ended_at is null and (:caller::bigint is null or t.user_id = :caller::bigint)
    returning t.id, t.user_id, t.name, t.preview, u.organization_id
), closed as (
    update rotation_reminders r set state = 'closed', state_changed_at = now()
    from ended e
    where r.token_id = e.id and r.state <> 'closed'
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
           jsonb_build_object('apiKeyId', e.id, 'name', e.name, 'reason', :reason::text)
    from ended e
)
select case when a.outcome = 'allowed' and e.id is null then 'not_found' else a.outcome end as outcome, e.id, e.name,
       e.preview as "tokenPreview", e.user_id as "ownerId"
from actor a
left join ended e on e.id = :id::bigint;
