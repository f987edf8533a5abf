-- What the worker's metrics say about tokens and about its own backlog. Of the tokens, those that a server would accept now.
-- → one row: numbers of tokens (active; that expire within 7, 14 and 30 days; that are due or overdue and have no live successor;
-- that were made 7 days ago or earlier and never used), calls of this hour and the one before that were refused because their
-- token had expired, valid tokens of accounts that are not active, and for each job the seconds by which its oldest work is late
with active as (
    select t.expires_at, t.created_at, l.token_id is null as is_unused, u.status <> 'active' as has_left,
           t.rotate_at <= now() and n.id is null as is_due,
           t.rotate_at + (t.expires_at - t.rotate_at) / 2 <= now() and n.id is null as is_overdue
    from api_tokens t
    join users u on u.id = t.user_id and u.credential_generation = t.owner_generation
    left join api_tokens n on n.predecessor_id = t.id and n.ended_at is null
    left join api_token_last_used l on l.token_id = t.id
    where t.ended_at is null and t.expires_at > now()
), late as (
    select b.job, greatest(0, extract(epoch from now() - b.since))::bigint as seconds from worker_backlog b
)
select count(*) as active,
       count(*) filter (where expires_at <= now() + interval '7 days') as expiring_7,
       count(*) filter (where expires_at <= now() + interval '14 days') as expiring_14,
       count(*) filter (where expires_at <= now() + interval '30 days') as expiring_30,
       count(*) filter (where is_due and not is_overdue) as due,
       count(*) filter (where is_overdue) as overdue,
       count(*) filter (where is_unused and created_at <= now() - interval '7 days') as never_used,
       (select coalesce(sum(r.calls), 0)::bigint
        from usage_refusals r
        where r.reason = 'expired' and r.hour >= date_trunc('hour', now(), 'UTC') - interval '1 hour') as expired_calls,
       count(*) filter (where has_left) as leavers,
       (select seconds from late where job = 'leavers_tokens') as late_leavers_tokens,
       (select seconds from late where job = 'expire') as late_expire,
       (select seconds from late where job = 'remind') as late_remind,
       (select seconds from late where job = 'erase_hashes') as late_erase_hashes,
       (select seconds from late where job = 'expired_sessions') as late_expired_sessions,
       (select seconds from late where job = 'sum_up_usage') as late_sum_up_usage
from active;
