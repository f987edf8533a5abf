-- The state of each of these tokens, its owner, and the epoch of the same snapshot. Binary result.
-- takes: tokens
-- → epoch, PostgreSQL's time, token id, has ended, expiry, expiry as shown, token name, preview, creation as shown, days of the
--   period, rate limit (null: the server's default), user id, e-mail, user name, kind, organization role, organization id,
--   organization name
select e.epoch, now(), t.id,
       -- A token past its expiry is recognized by that. Once the worker has recorded it, no change of the clock revives it.
       t.owner_generation <> u.credential_generation or u.status <> 'active'
           or (t.ended_at is not null and t.ended_reason <> 'expired') as has_ended,
       case when t.ended_reason = 'expired' then '-infinity' else t.expires_at end, rfc3339(t.expires_at), t.name, t.preview,
       rfc3339(t.created_at), t.expires_in_days,
       coalesce(t.rate_limit, o.default_rate_limit) as rate_limit,
       u.id, u.email, u.name, u.kind, u.org_role, o.id, o.name
from auth_epoch e
cross join api_tokens t
join users u on u.id = t.user_id
join organizations o on o.id = u.organization_id
where t.id = any (:tokens::bigint[]);
