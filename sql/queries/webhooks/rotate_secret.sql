-- Gives a webhook of platform custom another secret; the one before it signs, too, for that many hours.
-- takes: id, secret, overlapHours, actor
-- → outcome (allowed | not_found | unsigned: its platform has no secret | overlapping: the secret before the present one still
--   signs, and would not any more, so a call that is repeated changes nothing; 0 hours end it | of acting()) and the two times
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as (
    select h.id, h.platform
    from webhooks h
    join actor a on a.organization_id = h.organization_id
    where h.id = :id::bigint and h.deleted_at is null and a.outcome = 'allowed'
    for no key update of h
), changed as (
    update webhooks h
    set secret = :secret, previous_secret_until = now() + :overlapHours::integer * interval '1 hour'
    from target t
    where h.id = t.id and t.platform = 'custom'
      and (:overlapHours::integer = 0 or coalesce(h.previous_secret_until <= now(), true))
    returning h.id, h.secret_changed_at, h.previous_secret_until
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'webhook.secret_rotated', 'webhook', c.id,
           jsonb_build_object('overlapHours', :overlapHours::integer)
    from changed c, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when t.id is null then 'not_found'
           when t.platform <> 'custom' then 'unsigned'
           when c.id is null then 'overlapping'
           else 'allowed'
       end as outcome,
       rfc3339(c.secret_changed_at) as "secretChangedAt", rfc3339(c.previous_secret_until) as "previousSecretUntil"
from actor a
left join target t on true
left join changed c on true;
