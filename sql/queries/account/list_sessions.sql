-- One page of the caller's sessions that are valid now (by the rules of sessions/find), newest first.
-- takes: caller, session, cursor, limit
-- session: the one that the caller came by, or null; cursor: ids below it only, or null
-- → of each: the session
select s.id, rfc3339(s.created_at) as "createdAt", rfc3339(s.last_seen_at) as "lastSeenAt", rfc3339(s.expires_at) as "expiresAt",
       host(s.address) as address, coalesce(s.client, '') as client, s.id is not distinct from :session::bigint as current
from sessions s
join users u on u.id = s.user_id
where u.id = :caller::bigint and s.user_generation = u.session_generation and s.expires_at > now()
  and s.last_seen_at > now() - interval '12 hours' and (:cursor::bigint is null or s.id < :cursor::bigint)
order by s.id desc
limit :limit::integer;
