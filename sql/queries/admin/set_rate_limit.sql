-- Gives a live token a rate limit of its own, or takes it away.
-- $1 token id, $2 requests a minute, or null for the organization's or the server's default,
-- $3 actor kind, $4 actor user id, $5 actor token id, $6 request id, $7 address
-- → token id, name, preview, requests a minute or null; no row when there is no such live token
with changed as (
    update api_tokens t set rate_limit = $2::integer
    from users u
    where u.id = t.user_id and t.id = $1::bigint
      and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    returning t.id, t.name, t.preview, t.rate_limit, u.organization_id, t.user_id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select c.organization_id, $3, $4::bigint, $5::bigint, 'api_key.rate_limit_set', 'api_key', c.id, $6, $7::inet,
           jsonb_build_object('name', c.name, 'ownerId', c.user_id, 'rateLimit', c.rate_limit)
    from changed c
)
select id, name, preview, rate_limit from changed;
