-- Tells up to 50 admins who want the digest of this week: once, whichever worker does it, and later when none ran on Monday.
-- → how many
with batch as (
    select w.user_id, u.organization_id
    from mail_wishes w
    join users u on u.id = w.user_id and u.status = 'active' and u.org_role in ('owner', 'admin')
    where w.weekly_digest and w.digest_week < this_week()
    order by w.digest_week, w.user_id
    limit 50
    for update of w skip locked
), marked as (
    update mail_wishes w set digest_week = this_week() from batch b where w.user_id = b.user_id
), noticed as (
    insert into notices (organization_id, user_id, kind, topic, payload)
    select b.organization_id, b.user_id, 'digest', 'tokens.digest', '{}' from batch b
)
select count(*) from batch;
