-- Whether the caller's calendar feed has an address.
-- takes: caller
-- → since when it has one, or null
select rfc3339(f.created_at) as "createdAt"
from users u
left join calendar_feeds f on f.user_id = u.id and f.user_generation = u.credential_generation
where u.id = :caller::bigint;
