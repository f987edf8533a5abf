-- What each of these tokens is right now, and whom it stands for. Binary result.
-- $1 token ids
-- → token id, state (0 alive, 1 expired, 2 ended otherwise), expiry, expiry as shown, token name, preview, creation as shown,
--   rate limit (null: the server's default), user id, e-mail, user name, kind, organization role, organization id,
--   organization name, days of the period
select t.id,
       case
           when t.owner_generation <> u.credential_generation or u.status <> 'active' then 2
           when t.ended_at is not null and t.ended_reason <> 'expired' then 2
           when t.ended_at is not null or t.expires_at <= clock_timestamp() then 1
           else 0
       end::smallint as state,
       t.expires_at, rfc3339(t.expires_at), t.name, t.preview, rfc3339(t.created_at),
       coalesce(t.rate_limit, o.default_rate_limit) as rate_limit,
       u.id, u.email, u.name, u.kind, u.org_role, o.id, o.name, t.expires_in_days
from api_tokens t
join users u on u.id = t.user_id
join organizations o on o.id = u.organization_id
where t.id = any ($1::bigint[]);
