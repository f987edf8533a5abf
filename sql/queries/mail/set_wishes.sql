-- Says which mails the caller wants.
-- takes: reminders, actor
-- → outcome (of acting()) and the wishes
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), wished as (
    insert into mail_wishes as w (user_id, reminders)
    select a.user_id, :reminders::boolean from actor a where a.outcome = 'allowed'
    on conflict (user_id) do update set reminders = excluded.reminders, changed_at = now()
    returning w.reminders
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.mail_changed', 'user', a.user_id,
           jsonb_build_object('reminders', w.reminders)
    from wished w, actor a
)
select a.outcome, w.reminders
from actor a
left join wished w on true;
