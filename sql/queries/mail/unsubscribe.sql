-- Stops the reminders of the person whose mails have this secret. Whoever has it can do that and nothing else.
-- takes: secret
-- → the person's id; no row when no mail has the secret
with stopped as (
    update mail_wishes w set reminders = false, changed_at = now()
    where w.unsubscribe_secret = :secret::uuid
    returning w.user_id
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select u.organization_id, 'system', 'user.mail_changed', 'user', u.id,
           jsonb_build_object('reminders', false, 'by', 'the link in a mail')
    from stopped s
    join users u on u.id = s.user_id
)
select s.user_id as id from stopped s;
