-- Gives a live token a rate limit of its own, or removes it.
-- takes: id, rateLimit, actor
-- rateLimit: requests a minute, or null for the organization's or the server's default
-- → the token; no row when there is no such live token
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), changed as (
    update api_tokens t set rate_limit = :rateLimit::integer
    from users u, actor a
    where a.outcome = 'allowed' and u.id = t.user_id and t.id = :id::bigint
      and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    returning t.id, t.name, t.preview, t.rate_limit, u.organization_id, t.user_id
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select c.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'api_key.rate_limit_set', 'api_key', c.id,
           jsonb_build_object('name', c.name, 'ownerId', c.user_id, 'rateLimit', c.rate_limit)
    from changed c, actor a
)
select id, name, preview as "tokenPreview", rate_limit as "rateLimit" from changed;
