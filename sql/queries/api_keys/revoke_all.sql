-- Ends all live tokens of an account but some; or, as a rehearsal, only tells which.
-- takes: caller, except, dryRun, actor
-- except: ids, as the text of an array
-- → outcome (allowed | of acting()), and of each token: id, name and preview; one row with a null id when there is none
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), chosen as (
    select t.id, t.user_id, t.name, t.preview, u.organization_id
    from api_tokens t
    join users u on u.id = t.user_id
    cross join actor a
    where a.outcome = 'allowed' and t.user_id = :caller::bigint and t.id <> all (:except::text::bigint[])
      and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    order by t.id
    for no key update of t
), ended as (
    update api_tokens t
    set ended_at = now(), ended_reason = 'revoked', ended_by = a.user_id
    from chosen c, actor a
    where t.id = c.id and not :dryRun::boolean
    returning t.id
), closed as (
    update rotation_reminders r set state = 'closed', state_changed_at = now()
    from ended e
    where r.token_id = e.id and r.state <> 'closed'
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select c.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'api_key.revoked', 'api_key', c.id,
           jsonb_build_object('name', c.name, 'ownerId', c.user_id, 'reason', 'revoked')
    from ended e
    join chosen c on c.id = e.id
    cross join actor a
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select c.organization_id, c.user_id, 'api_key.revoked',
           jsonb_build_object('apiKeyId', c.id, 'name', c.name, 'reason', 'revoked')
    from ended e
    join chosen c on c.id = e.id
)
select a.outcome, c.id, c.name, c.preview as "tokenPreview"
from actor a
left join chosen c on true
order by c.id desc;
