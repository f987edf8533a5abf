-- Stops the reminders of the person whose mails have this secret, or the digest when it is that of digests. Whoever has it can
-- do that and nothing else.
-- takes: secret
-- → the person's id; no row when no mail has the secret
with stopped as (
    update mail_wishes w
    set reminders = w.reminders and w.unsubscribe_secret <> :secret::uuid,
        weekly_digest = w.weekly_digest and w.digest_secret <> :secret::uuid, changed_at = now()
    where w.unsubscribe_secret = :secret::uuid or w.digest_secret = :secret::uuid
    returning w.user_id, w.reminders, w.weekly_digest
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select u.organization_id, 'system', 'user.mail_changed', 'user', u.id,
           jsonb_build_object('reminders', s.reminders, 'weeklyDigest', s.weekly_digest, 'by', 'the link in a mail')
    from stopped s
    join users u on u.id = s.user_id
)
select s.user_id as id from stopped s;
