-- The person whose password the link with this secret may set.
-- takes: digest
-- → the person; no row when the secret is none, its link was used, replaced or has expired, or its person has left or has set a
--   password meanwhile, or whoever was shown it may not be any more
select u.id, u.email, u.name
from password_link_secrets s
join password_links l on l.id = s.link_id and l.expires_at > now()
join users u on u.id = l.user_id and u.status = 'active' and u.session_generation = l.user_generation
where s.digest = :digest::bytea and may_still_be_used(l.id);
