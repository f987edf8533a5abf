-- Gives the caller's calendar feed an address, in the place of the one that it may have.
-- takes: digest, actor
-- digest: of the secret in the address
-- → outcome (of acting()) and since when
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), made as (
    insert into calendar_feeds as f (user_id, digest)
    select a.user_id, :digest::bytea from actor a where a.outcome = 'allowed'
    on conflict (user_id) do update set digest = excluded.digest
    returning f.user_id, f.created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'calendar.created', 'user', m.user_id
    from made m, actor a
)
select a.outcome, rfc3339(m.created_at) as "createdAt"
from actor a
left join made m on true;
