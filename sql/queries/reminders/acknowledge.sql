-- Acknowledges a reminder that the caller is told about: it is quiet until the token's next stage. One that is acknowledged
-- already stays so.
-- takes: caller, id, actor
-- → outcome (allowed | not_found | of acting()) and the reminder
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as (
    select r.id, r.token_id
    from actor a
    join rotation_reminders r on r.id = :id::bigint
    join shown_reminders s on s.id = r.id
    where a.outcome = 'allowed' and r.state in ('due', 'acknowledged')
      and r.user_id in (select m.account from reminded_of(:caller::bigint) m)
    for no key update of r
), changed as (
    update rotation_reminders r set state = 'acknowledged', state_changed_at = now()
    from target t
    where r.id = t.id and r.state = 'due'
    returning r.id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'reminder.acknowledged', 'api_key',
           t.token_id, jsonb_build_object('reminderId', c.id)
    from changed c
    join target t on t.id = c.id
    cross join actor a
)
select case when a.outcome = 'allowed' and t.id is null then 'not_found' else a.outcome end as outcome, s.id, s."apiKeyId",
       s."apiKeyName", s."tokenPreview", s."ownerId", s."ownerName", s.stage, 'acknowledged' as state, s."dueAt", s."nextAt",
       s."expiresAt", s."successorId"
from actor a
left join target t on true
left join shown_reminders s on s.id = t.id;
