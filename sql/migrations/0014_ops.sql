-- Summaries of the usage, and the views of schema ops, which dashboards read as role testkase_ops. No view shows a hash, a
-- look-up id, a password, a session, or the details of an audit event. A view may call no function of schema testkase: PostgreSQL
-- asks whether the reader may call it, and testkase_ops may call none.

-- --- the usage of each hour, summed up ---

-- The table of the usage has an entry per token, address, client, method, route and status, which are too many to be summed up
-- for each look at a dashboard. The worker sums up each hour; no request waits for that. The index finds the entries of an hour:
-- they are written nearly in the order of their hours, so a few bytes for every 128 pages are enough, and writes stay cheap.
create index api_token_usage_hour_idx on testkase.api_token_usage using brin (hour) with (autosummarize = on);

-- The hours that were summed up. An hour is due each minute until ten minutes after its end, and once more a day later: servers
-- write late what they could not write while PostgreSQL was down.
create table testkase.usage_hours (
    hour timestamptz primary key,
    due_at timestamptz default now(), -- null: never again
    summed_at timestamptz
);

create index usage_hours_due_idx on testkase.usage_hours (due_at) where due_at is not null;

create table testkase.usage_by_route (
    hour timestamptz not null,
    method text not null,
    route text not null,
    status smallint not null,
    calls bigint not null,
    primary key (hour, method, route, status)
);

-- The 100 busiest clients of each hour, by the product that they name.
create table testkase.usage_by_client (
    hour timestamptz not null,
    client text not null,
    tokens bigint not null,
    calls bigint not null,
    refused bigint not null,
    primary key (hour, client)
);

-- The 200 busiest tokens of each hour.
create table testkase.usage_by_token (
    hour timestamptz not null,
    token_id bigint not null,
    calls bigint not null,
    refused bigint not null,
    rate_limited bigint not null,
    primary key (hour, token_id)
);

create table testkase.usage_refusals (
    hour timestamptz not null,
    reason text not null check (reason in ('expired', 'ended', 'not_allowed', 'rate_limited')),
    tokens bigint not null,
    calls bigint not null,
    primary key (hour, reason)
);

-- Sums up one hour anew.
create function testkase.sum_up_hour(chosen timestamptz) returns void
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    delete from usage_by_route where hour = chosen;
    delete from usage_by_client where hour = chosen;
    delete from usage_by_token where hour = chosen;
    delete from usage_refusals where hour = chosen;
    with used as materialized (
        select u.token_id, split_part(u.client, '/', 1) as client, u.method, u.route, u.status, sum(u.calls)::bigint as calls
        from api_token_usage u
        where u.hour = chosen
        group by 1, 2, 3, 4, 5
    ), routes as (
        insert into usage_by_route (hour, method, route, status, calls)
        select chosen, method, route, status, sum(calls) from used group by method, route, status
    ), clients as (
        insert into usage_by_client (hour, client, tokens, calls, refused)
        select chosen, client, count(distinct token_id), sum(calls), coalesce(sum(calls) filter (where is_refused(status)), 0)
        from used group by client order by sum(calls) desc, client limit 100
    ), tokens as (
        insert into usage_by_token (hour, token_id, calls, refused, rate_limited)
        select chosen, token_id, sum(calls), coalesce(sum(calls) filter (where is_refused(status)), 0),
               coalesce(sum(calls) filter (where status = 429), 0)
        from used group by token_id order by sum(calls) desc, token_id limit 200
    )
    -- A token in the usage is known, so a 401 means that it had expired or ended.
    insert into usage_refusals (hour, reason, tokens, calls)
    select chosen,
           case
               when r.status = 429 then 'rate_limited'
               when r.status = 403 then 'not_allowed'
               when coalesce(t.ended_reason, 'expired') = 'expired' and t.expires_at <= now() then 'expired'
               else 'ended'
           end,
           count(distinct r.token_id), sum(r.calls)
    from used r
    left join api_tokens t on t.id = r.token_id
    where is_refused(r.status)
    group by 2;
end
$$;

-- Sums up three hours at most that are due, the latest first; returns how many of them ended over ten minutes ago. After a time
-- without a worker, it takes the missed hours up again, as far back as a month. Summaries go after 13 months, as the usage does.
create function testkase.sum_up_usage() returns integer
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    this_hour timestamptz := date_trunc('hour', now(), 'UTC');
    chosen timestamptz;
    ended integer := 0;
begin
    insert into usage_hours (hour)
    select h
    from generate_series(greatest(coalesce((select max(hour) from usage_hours), this_hour - interval '1 day'),
                                  this_hour - interval '31 days'), this_hour, interval '1 hour') h
    -- ON CONFLICT alone would wait for another worker that is summing up that hour.
    where not exists (select from usage_hours u where u.hour = h)
    on conflict do nothing;
    for chosen in
        select u.hour from usage_hours u where u.due_at <= now() order by u.hour desc limit 3 for update skip locked
    loop
        perform sum_up_hour(chosen);
        update usage_hours
        set summed_at = now(),
            due_at = case
                when now() < chosen + interval '70 minutes' then now() + interval '55 seconds'
                when now() < chosen + interval '25 hours' then chosen + interval '25 hours'
            end
        where hour = chosen;
        ended := ended + (now() >= chosen + interval '70 minutes')::integer;
    end loop;
    delete from usage_by_route where hour < now() - interval '13 months';
    delete from usage_by_client where hour < now() - interval '13 months';
    delete from usage_by_token where hour < now() - interval '13 months';
    delete from usage_refusals where hour < now() - interval '13 months';
    delete from usage_hours where hour < now() - interval '13 months';
    return ended;
end
$$;

grant execute on function testkase.sum_up_usage() to testkase_worker;
grant select on testkase.usage_refusals to testkase_worker;

-- --- what the worker has not done yet ---

-- Work that is due by now, of each job whose work comes by deadlines or departures, and since when.
create view testkase.worker_backlog as
    select 'leavers_tokens' as job, count(*) as pending, min(u.status_changed_at) as since
    from testkase.users u
    join testkase.api_tokens t on t.user_id = u.id and t.owner_generation < u.credential_generation and t.ended_at is null
    where u.credential_generation > 1
    union all
    select 'expire', count(*), min(t.expires_at) from testkase.api_tokens t where t.ended_at is null and t.expires_at <= now()
    union all
    select 'remind', count(*), min(r.due_at)
    from testkase.rotation_reminders r where r.state = 'scheduled' and r.due_at <= now()
    union all
    select 'erase_hashes', count(*), min(h.ended_at) + interval '30 days'
    from testkase.hashes_to_erase h where h.ended_at <= now() - interval '30 days'
    union all
    select 'expired_sessions', count(*), min(s.expires_at) from testkase.sessions s where s.expires_at <= now()
    union all
    select 'sum_up_usage', count(*), min(h.due_at) from testkase.usage_hours h where h.due_at <= now();

grant select on testkase.worker_backlog to testkase_worker;

-- --- tokens ---

create view ops.organizations as
    select id, name, created_at from testkase.organizations;

comment on view ops.organizations is 'Organizations.';
comment on column ops.organizations.id is 'Id of the organization.';
comment on column ops.organizations.name is 'Its name.';
comment on column ops.organizations.created_at is 'When it was made.';

create view ops.tokens as
    select t.id, u.organization_id, o.name as organization, t.user_id, u.email as owner_email, u.kind as owner_kind,
           u.status as owner_status, t.name, t.expires_in_days, t.created_at, t.expires_at, t.rotate_at,
           case
               when t.ended_at is not null then t.ended_reason
               when t.owner_generation <> u.credential_generation then
                   case u.status when 'deleted' then 'owner_deleted' else 'owner_deactivated' end
               when t.expires_at <= now() then 'expired'
               else 'active'
           end as state,
           case
               when t.ended_at is not null then t.ended_at
               when t.owner_generation <> u.credential_generation then u.status_changed_at
               when t.expires_at <= now() then t.expires_at
           end as ended_at,
           case
               when t.ended_at is not null or t.owner_generation <> u.credential_generation or t.expires_at <= now() then 'none'
               when n.id is not null then 'overlap'
               when now() >= t.rotate_at + (t.expires_at - t.rotate_at) / 2 then 'overdue'
               when now() >= t.rotate_at then 'due'
               else 'none'
           end as rotation,
           n.id as successor_id, l.used_at as last_used_at
    from testkase.api_tokens t
    join testkase.users u on u.id = t.user_id
    join testkase.organizations o on o.id = u.organization_id
    left join testkase.api_tokens n on n.predecessor_id = t.id and n.ended_at is null
    left join testkase.api_token_last_used l on l.token_id = t.id;

comment on view ops.tokens is 'Every token with its owner and state.';
comment on column ops.tokens.id is 'Id of the token; not a part of the token.';
comment on column ops.tokens.organization_id is 'Id of the owner''s organization.';
comment on column ops.tokens.organization is 'Name of the owner''s organization.';
comment on column ops.tokens.user_id is 'Id of the owner.';
comment on column ops.tokens.owner_email is 'E-mail address of the owner.';
comment on column ops.tokens.owner_kind is 'person or service.';
comment on column ops.tokens.owner_status is 'active, deactivated or deleted.';
comment on column ops.tokens.name is 'Name that its maker gave it.';
comment on column ops.tokens.expires_in_days is 'Period in days: 7, 30, 60, 90, 180 or 365.';
comment on column ops.tokens.created_at is 'When it was made.';
comment on column ops.tokens.expires_at is 'When it expires or expired.';
comment on column ops.tokens.rotate_at is 'From when on it is due for rotation.';
comment on column ops.tokens.state is
    'active, or why it ended: expired, revoked, owner_deactivated, owner_deleted, leaked. As a server would decide now, whether '
    'or not the worker has recorded it.';
comment on column ops.tokens.ended_at is 'When it ended; null while it is active.';
comment on column ops.tokens.rotation is
    'Of an active token: none (not due), due, overdue (more than half of the time from rotate_at to expires_at is gone) or '
    'overlap (it has a successor).';
comment on column ops.tokens.successor_id is 'Id of its live successor, if it has one.';
comment on column ops.tokens.last_used_at is 'When a call with it was last let in; null: never.';

create view ops.tokens_by_age as
    select g.state, a.age, a.at_least_days, g.tokens
    from (
        select case
                   when t.ended_at is not null then t.ended_reason
                   when t.owner_generation <> u.credential_generation then
                       case u.status when 'deleted' then 'owner_deleted' else 'owner_deactivated' end
                   when t.expires_at <= now() then 'expired'
                   else 'active'
               end as state,
               width_bucket(extract(epoch from now() - t.created_at)::float8 / 86400,
                            array[7, 30, 90, 180, 365]::float8[]) as bucket,
               count(*) as tokens
        from testkase.api_tokens t
        join testkase.users u on u.id = t.user_id
        group by 1, 2
    ) g
    join (values (0, '0-6 days', 0), (1, '7-29 days', 7), (2, '30-89 days', 30), (3, '90-179 days', 90),
                 (4, '180-364 days', 180), (5, '365 days and more', 365)) as a (bucket, age, at_least_days)
        on a.bucket = g.bucket;

comment on view ops.tokens_by_age is 'How many tokens there are of each state and age.';
comment on column ops.tokens_by_age.state is 'As in ops.tokens.';
comment on column ops.tokens_by_age.age is 'Time since the token was made, for example "30-89 days".';
comment on column ops.tokens_by_age.at_least_days is 'The least days of that age, to sort by.';
comment on column ops.tokens_by_age.tokens is 'Number of tokens.';

create view ops.expiring_tokens as
    select o.id as organization_id, o.name as organization, count(t.id) as active,
           count(t.id) filter (where t.expires_at <= now() + interval '7 days') as within_7_days,
           count(t.id) filter (where t.expires_at <= now() + interval '30 days') as within_30_days,
           count(t.id) filter (where t.expires_at <= now() + interval '30 days' and n.id is null) as without_successor
    from testkase.organizations o
    left join (
        testkase.users u
        join testkase.api_tokens t on t.user_id = u.id and t.owner_generation = u.credential_generation and t.ended_at is null
                                      and t.expires_at > now()
        left join testkase.api_tokens n on n.predecessor_id = t.id and n.ended_at is null
    ) on u.organization_id = o.id
    group by o.id, o.name;

comment on view ops.expiring_tokens is 'Active tokens of each organization, and how many of them expire soon.';
comment on column ops.expiring_tokens.organization_id is 'Id of the organization.';
comment on column ops.expiring_tokens.organization is 'Its name.';
comment on column ops.expiring_tokens.active is 'Active tokens.';
comment on column ops.expiring_tokens.within_7_days is 'Those that expire within 7 days.';
comment on column ops.expiring_tokens.within_30_days is 'Those that expire within 30 days.';
comment on column ops.expiring_tokens.without_successor is 'Those that expire within 30 days and have no live successor.';

create view ops.due_rotations as
    select t.id as token_id, t.name, u.organization_id, o.name as organization, u.email as owner_email, u.kind as owner_kind,
           case when now() >= t.rotate_at + (t.expires_at - t.rotate_at) / 2 then 'overdue' else 'due' end as rotation,
           t.rotate_at as due_at, t.expires_at, l.used_at as last_used_at
    from testkase.api_tokens t
    join testkase.users u on u.id = t.user_id and u.credential_generation = t.owner_generation
    join testkase.organizations o on o.id = u.organization_id
    left join testkase.api_token_last_used l on l.token_id = t.id
    where t.ended_at is null and t.expires_at > now() and t.rotate_at <= now()
      and not exists (select from testkase.api_tokens n where n.predecessor_id = t.id and n.ended_at is null);

comment on view ops.due_rotations is 'Active tokens that are due for rotation and have no live successor.';
comment on column ops.due_rotations.token_id is 'Id of the token.';
comment on column ops.due_rotations.name is 'Name of the token.';
comment on column ops.due_rotations.organization_id is 'Id of the owner''s organization.';
comment on column ops.due_rotations.organization is 'Name of the owner''s organization.';
comment on column ops.due_rotations.owner_email is 'E-mail address of the owner, who has to rotate it.';
comment on column ops.due_rotations.owner_kind is 'person or service.';
comment on column ops.due_rotations.rotation is 'due, or overdue: more than half of the time from due_at to expires_at is gone.';
comment on column ops.due_rotations.due_at is 'Since when it is due.';
comment on column ops.due_rotations.expires_at is 'When it expires.';
comment on column ops.due_rotations.last_used_at is 'When a call with it was last let in; null: never.';

create view ops.unused_tokens as
    select t.id as token_id, t.name, u.organization_id, o.name as organization, u.email as owner_email, u.kind as owner_kind,
           case when l.used_at is null then 'never_used' else 'unused' end as finding,
           t.created_at, l.used_at as last_used_at, t.expires_at
    from testkase.api_tokens t
    join testkase.users u on u.id = t.user_id and u.credential_generation = t.owner_generation
    join testkase.organizations o on o.id = u.organization_id
    left join testkase.api_token_last_used l on l.token_id = t.id
    where t.ended_at is null and t.expires_at > now()
      and (l.used_at < now() - interval '30 days' or (l.used_at is null and t.created_at <= now() - interval '7 days'));

comment on view ops.unused_tokens is 'Active tokens that nobody needs, it seems: never used in 7 days, or not used for 30.';
comment on column ops.unused_tokens.token_id is 'Id of the token.';
comment on column ops.unused_tokens.name is 'Name of the token.';
comment on column ops.unused_tokens.organization_id is 'Id of the owner''s organization.';
comment on column ops.unused_tokens.organization is 'Name of the owner''s organization.';
comment on column ops.unused_tokens.owner_email is 'E-mail address of the owner.';
comment on column ops.unused_tokens.owner_kind is 'person or service.';
comment on column ops.unused_tokens.finding is 'never_used (made 7 days ago or earlier) or unused (for 30 days).';
comment on column ops.unused_tokens.created_at is 'When it was made.';
comment on column ops.unused_tokens.last_used_at is 'When a call with it was last let in; null: never.';
comment on column ops.unused_tokens.expires_at is 'When it expires.';

create view ops.leavers_tokens as
    select t.id as token_id, t.name, u.organization_id, o.name as organization, u.email as owner_email,
           u.status as owner_status, u.status_changed_at as left_at,
           u.status <> 'active' and t.owner_generation = u.credential_generation and t.expires_at > now() as is_valid
    from testkase.users u
    join testkase.api_tokens t on t.user_id = u.id and t.ended_at is null
    join testkase.organizations o on o.id = u.organization_id
    where (u.status <> 'active' or u.credential_generation > 1)
      and (u.status <> 'active' or t.owner_generation <> u.credential_generation);

comment on view ops.leavers_tokens is
    'Tokens of accounts that were deactivated or deleted, and that are not recorded as ended. There must be none: no server '
    'accepts them, and the worker records their end within seconds.';
comment on column ops.leavers_tokens.token_id is 'Id of the token.';
comment on column ops.leavers_tokens.name is 'Name of the token.';
comment on column ops.leavers_tokens.organization_id is 'Id of the owner''s organization.';
comment on column ops.leavers_tokens.organization is 'Name of the owner''s organization.';
comment on column ops.leavers_tokens.owner_email is 'E-mail address of the owner.';
comment on column ops.leavers_tokens.owner_status is 'active when the account has returned meanwhile; its old tokens stay ended.';
comment on column ops.leavers_tokens.left_at is 'When the account''s status changed last.';
comment on column ops.leavers_tokens.is_valid is
    'Whether a server would accept the token. True is a breach: somebody changed rows past the triggers.';

create view ops.token_changes as
    select c.day, sum(c.created)::bigint as created, sum(c.revoked)::bigint as revoked, sum(c.expired)::bigint as expired,
           sum(c.owner_left)::bigint as owner_left, sum(c.leaked)::bigint as leaked
    from (
        select date_trunc('day', t.created_at, 'UTC') as day, count(*) as created, 0 as revoked, 0 as expired, 0 as owner_left,
               0 as leaked
        from testkase.api_tokens t
        group by 1
        union all
        select date_trunc('day', t.ended_at, 'UTC'), 0, count(*) filter (where t.ended_reason = 'revoked'),
               count(*) filter (where t.ended_reason = 'expired'),
               count(*) filter (where t.ended_reason in ('owner_deactivated', 'owner_deleted')),
               count(*) filter (where t.ended_reason = 'leaked')
        from testkase.api_tokens t
        where t.ended_at is not null
        group by 1
    ) c
    group by c.day;

comment on view ops.token_changes is 'Tokens made and ended on each day (UTC), as far as the worker has recorded it.';
comment on column ops.token_changes.day is 'Start of the day, in UTC.';
comment on column ops.token_changes.created is 'Tokens made.';
comment on column ops.token_changes.revoked is 'Tokens deleted by their owner, an admin or an operator.';
comment on column ops.token_changes.expired is 'Tokens that expired.';
comment on column ops.token_changes.owner_left is 'Tokens that ended because their owner was deactivated or deleted.';
comment on column ops.token_changes.leaked is 'Tokens ended because they had leaked.';

-- --- calls ---

create view ops.calls as
    select hour, method, route, status::integer as status, calls from testkase.usage_by_route;

comment on view ops.calls is
    'Calls with known tokens, by hour, method, route and status; at most a minute late. Calls without a token, or with one that '
    'the service does not know, are only in the metrics.';
comment on column ops.calls.hour is 'Start of the hour.';
comment on column ops.calls.method is 'HTTP method.';
comment on column ops.calls.route is 'Pattern of the path; "none" when the token had ended.';
comment on column ops.calls.status is 'HTTP status of the answer.';
comment on column ops.calls.calls is 'Number of calls.';

create view ops.refusals as
    select hour, reason, tokens, calls from testkase.usage_refusals;

comment on view ops.refusals is 'Refused calls with known tokens, by hour and reason; at most a minute late.';
comment on column ops.refusals.hour is 'Start of the hour.';
comment on column ops.refusals.reason is
    'expired (the token has expired), ended (it was deleted, or its owner has left), not_allowed (its owner lacks the right) or '
    'rate_limited.';
comment on column ops.refusals.tokens is 'Number of tokens refused.';
comment on column ops.refusals.calls is 'Number of calls.';

create view ops.top_tokens as
    select b.hour, b.token_id, t.name, u.organization_id, o.name as organization, u.email as owner_email, b.calls, b.refused,
           b.rate_limited
    from testkase.usage_by_token b
    -- Outer joins, so that the planner leaves out what a query does not ask for.
    left join testkase.api_tokens t on t.id = b.token_id
    left join testkase.users u on u.id = t.user_id
    left join testkase.organizations o on o.id = u.organization_id;

comment on view ops.top_tokens is
    'The 200 busiest tokens of each hour, at most a minute late. A sum lacks the hours in which a token was none of them.';
comment on column ops.top_tokens.hour is 'Start of the hour.';
comment on column ops.top_tokens.token_id is 'Id of the token.';
comment on column ops.top_tokens.name is 'Name of the token.';
comment on column ops.top_tokens.organization_id is 'Id of the owner''s organization.';
comment on column ops.top_tokens.organization is 'Name of the owner''s organization.';
comment on column ops.top_tokens.owner_email is 'E-mail address of the owner.';
comment on column ops.top_tokens.calls is 'Calls with the token.';
comment on column ops.top_tokens.refused is 'Those that were refused: 401, 403 or 429.';
comment on column ops.top_tokens.rate_limited is 'Those that were over the limit: 429.';

create view ops.top_clients as
    select hour, client, tokens, calls, refused from testkase.usage_by_client;

comment on view ops.top_clients is
    'The 100 busiest clients of each hour, at most a minute late. A sum lacks the hours in which a client was none of them.';
comment on column ops.top_clients.hour is 'Start of the hour.';
comment on column ops.top_clients.client is
    'The product that the client names in its User-Agent; "other": clients of tokens with more than 100 of them in that hour.';
comment on column ops.top_clients.tokens is 'Number of tokens that it used.';
comment on column ops.top_clients.calls is 'Number of calls.';
comment on column ops.top_clients.refused is 'Those that were refused: 401, 403 or 429.';

-- --- audit trail ---

create view ops.audit_trail as
    select e.id, e.occurred_at, e.organization_id, o.name as organization, e.actor_kind, e.actor_user_id, a.email as actor_email,
           e.actor_token_id, e.action, e.target_kind, e.target_id, e.request_id, e.address
    from testkase.audit_events e
    left join testkase.organizations o on o.id = e.organization_id
    left join testkase.users a on a.id = e.actor_user_id;

comment on view ops.audit_trail is 'What was changed, when and by whom; without details, which can hold names and addresses.';
comment on column ops.audit_trail.id is 'Id of the event.';
comment on column ops.audit_trail.occurred_at is
    'When it happened. Restrict a query by it: the table has a partition for each month.';
comment on column ops.audit_trail.organization_id is 'Id of the organization.';
comment on column ops.audit_trail.organization is 'Name of the organization.';
comment on column ops.audit_trail.actor_kind is 'user, operator (testkase-admin) or system (the service itself).';
comment on column ops.audit_trail.actor_user_id is 'Id of the account that acted; null unless actor_kind is user.';
comment on column ops.audit_trail.actor_email is 'E-mail address of that account.';
comment on column ops.audit_trail.actor_token_id is 'Id of the token that the account used; null: a session.';
comment on column ops.audit_trail.action is 'What was done, for example api_key.created. session.refused is a failed sign-in.';
comment on column ops.audit_trail.target_kind is 'Kind of the thing that was changed, for example api_key.';
comment on column ops.audit_trail.target_id is 'Its id.';
comment on column ops.audit_trail.request_id is 'X-Request-Id of the call.';
comment on column ops.audit_trail.address is 'Address of the client.';

-- --- worker ---

create view ops.workers as
    select worker, version, started_at, beat_at, now() - beat_at as silent_for,
           extract(epoch from now() - beat_at)::float8 as silent_seconds
    from testkase.worker_heartbeats;

comment on view ops.workers is
    'Workers and when each last reported; testkase-admin status treats 60 seconds without a report as an outage.';
comment on column ops.workers.worker is 'Host and process id.';
comment on column ops.workers.version is 'Version of testkase-worker.';
comment on column ops.workers.started_at is 'When it started.';
comment on column ops.workers.beat_at is 'When it last reported; it does so every 15 seconds.';
comment on column ops.workers.silent_for is 'Time since then.';
comment on column ops.workers.silent_seconds is 'Time since then, in seconds.';

create view ops.worker_backlog as
    select job, pending, since, coalesce(extract(epoch from now() - since), 0)::float8 as lag_seconds
    from testkase.worker_backlog;

comment on view ops.worker_backlog is 'Work that is due and not yet done, for each job of the worker whose work has a deadline.';
comment on column ops.worker_backlog.job is 'Name of the job, as in the worker''s log and metrics.';
comment on column ops.worker_backlog.pending is 'Rows to change.';
comment on column ops.worker_backlog.since is 'Since when the oldest is due; null when there is none.';
comment on column ops.worker_backlog.lag_seconds is
    'Seconds since then; 0 when there is none. Jobs that run hourly (expired_sessions) lag up to an hour.';

-- --- database ---

create view ops.tables as
    select p.name, sum(p.rows)::bigint as rows, sum(p.dead_rows)::bigint as dead_rows, sum(p.table_bytes)::bigint as table_bytes,
           sum(p.index_bytes)::bigint as index_bytes, sum(p.table_bytes + p.index_bytes)::bigint as total_bytes,
           count(*)::integer as partitions, max(p.vacuumed_at) as vacuumed_at
    from (
        select coalesce(parent.relname, c.relname)::text as name, coalesce(s.n_live_tup, 0) as rows,
               coalesce(s.n_dead_tup, 0) as dead_rows, pg_table_size(c.oid) as table_bytes, pg_indexes_size(c.oid) as index_bytes,
               greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        left join pg_inherits i on i.inhrelid = c.oid
        left join pg_class parent on parent.oid = i.inhparent
        left join pg_stat_all_tables s on s.relid = c.oid
        where n.nspname = 'testkase' and c.relkind = 'r'
    ) p
    group by p.name;

comment on view ops.tables is 'Size of each table, all its partitions together.';
comment on column ops.tables.name is 'Name of the table in schema testkase.';
comment on column ops.tables.rows is 'Rows, as PostgreSQL''s statistics estimate them.';
comment on column ops.tables.dead_rows is 'Row versions that vacuum has not removed yet, as estimated.';
comment on column ops.tables.table_bytes is 'Bytes of the rows.';
comment on column ops.tables.index_bytes is 'Bytes of the indexes.';
comment on column ops.tables.total_bytes is 'Bytes of both.';
comment on column ops.tables.partitions is 'Number of its partitions; 1 when it has none.';
comment on column ops.tables.vacuumed_at is 'When it was last vacuumed; of a partitioned table, the latest.';

create view ops.partitions as
    select parent.relname::text as table_name, c.relname::text as name, pg_get_expr(c.relpartbound, c.oid) as bound,
           pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' as is_default, coalesce(s.n_live_tup, 0)::bigint as rows,
           (pg_table_size(c.oid) + pg_indexes_size(c.oid))::bigint as total_bytes
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid and c.relkind = 'r'
    join pg_class parent on parent.oid = i.inhparent
    join pg_namespace n on n.oid = parent.relnamespace
    left join pg_stat_all_tables s on s.relid = c.oid
    where n.nspname = 'testkase';

comment on view ops.partitions is
    'The partition of each month. The worker makes those of the next three months; rows in a default one mean that it did not.';
comment on column ops.partitions.table_name is 'The partitioned table.';
comment on column ops.partitions.name is 'The partition; its name ends with year and month.';
comment on column ops.partitions.bound is 'The times that it holds, as PostgreSQL writes them.';
comment on column ops.partitions.is_default is 'Whether it takes the rows for which there is no month.';
comment on column ops.partitions.rows is 'Rows, as PostgreSQL''s statistics estimate them.';
comment on column ops.partitions.total_bytes is 'Bytes of rows and indexes.';

create view ops.schema as
    select version, name, applied_at from testkase.schema_migrations;

comment on view ops.schema is 'Migrations applied, in order of version.';
comment on column ops.schema.version is 'Number of the migration.';
comment on column ops.schema.name is 'Its name.';
comment on column ops.schema.applied_at is 'When it was applied.';

grant select on all tables in schema ops to testkase_ops;
