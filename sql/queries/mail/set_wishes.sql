-- Says which mails the caller wants. Who begins to want the digest gets the first one next Monday.
-- takes: reminders, weeklyDigest, actor
-- either may be null: it stays as it is
-- → outcome (not_admin: only they get the digest | of acting()) and the wishes
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           case when a.outcome = 'allowed' and :weeklyDigest::boolean and u.org_role not in ('owner', 'admin') then 'not_admin'
                else a.outcome end as outcome
    from acting(:actor::text::actor) a
    left join users u on u.id = a.user_id
), wished as (
    insert into mail_wishes as w (user_id, reminders, weekly_digest, digest_week)
    select a.user_id, coalesce(:reminders::boolean, true), coalesce(:weeklyDigest::boolean, false), this_week()
    from actor a where a.outcome = 'allowed'
    on conflict (user_id)
        do update set reminders = coalesce(:reminders::boolean, w.reminders),
                      weekly_digest = coalesce(:weeklyDigest::boolean, w.weekly_digest),
                      digest_week = case when w.weekly_digest then w.digest_week else this_week() end, changed_at = now()
    returning w.reminders, w.weekly_digest
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'user.mail_changed', 'user', a.user_id,
           jsonb_build_object('reminders', w.reminders, 'weeklyDigest', w.weekly_digest)
    from wished w, actor a
)
select a.outcome, w.reminders, w.weekly_digest as "weeklyDigest"
from actor a
left join wished w on true;
