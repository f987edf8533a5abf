-- Which mails the caller wants.
-- takes: caller
-- → the wishes
select coalesce(w.reminders, true) as reminders, coalesce(w.weekly_digest, false) as "weeklyDigest"
from users u
left join mail_wishes w on w.user_id = u.id
where u.id = :caller::bigint;
