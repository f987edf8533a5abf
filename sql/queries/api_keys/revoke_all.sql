-- Ends all live tokens of an account but some; or, as a rehearsal, only tells which.
-- takes: caller, except, dryRun, actor
-- except: ids, as the text of an array
-- → outcome (allowed | of acting()), and of each token: id, name and preview; one row with a null id when there is none
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), chosen as materialized (
    select t.id, t.user_id, t.organization_id, t.name, t.preview
    from actor a
    cross join lateral live_tokens_of(case a.outcome when 'allowed' then :caller::bigint end) t
    where t.id <> all (:except::text::bigint[])
), ended as materialized (
    select e.id
    from actor a
    cross join (select array_agg(id) as ids from chosen) c
    cross join lateral end_tokens(:caller::bigint, c.ids, false, a.user_id, 'revoked', null) e
    where a.outcome = 'allowed' and not :dryRun::boolean
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
           jsonb_strip_nulls(jsonb_build_object('apiKeyId', c.id, 'name', c.name, 'reason', 'revoked', 'byUserId', a.user_id))
    from ended e
    join chosen c on c.id = e.id
    cross join actor a
)
select a.outcome, c.id, c.name, c.preview as "tokenPreview"
from actor a
left join chosen c on true
order by c.id desc;
