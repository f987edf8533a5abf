-- The rate of a token over all servers: which servers live, and what is left of each token's window. A lone server uses neither.
-- oldest-program: 14

-- Both tables are unlogged: they change often and matter for a minute. After a crash of PostgreSQL, and on a standby that takes
-- over, they are empty; the servers fill them within a second.

-- The servers that live. Each beats twice a second, and deletes its row when it ends.
create unlogged table testkase.server_heartbeats (
    server bigint primary key, -- a random number that the process chose
    version text not null check (char_length(version) between 1 and 100),
    started_at timestamptz not null default now(),
    beat_at timestamptz not null default now(),
    known bigint[] not null default '{}' check (cardinality(known) <= 200) -- the servers with which it shares the rates of tokens
) with (fillfactor = 10);

grant select, delete on testkase.server_heartbeats to testkase_server;
grant insert (server, version, known), update (beat_at, known) on testkase.server_heartbeats to testkase_server;

-- How long a server may be silent before the others count it as gone.
create function testkase.server_silence_max() returns interval
    language sql immutable parallel safe
    return interval '5 seconds';

grant execute on function testkase.server_silence_max() to testkase_server;

-- What servers have taken of each token's quota in its open window, and of its burst. Times are microseconds since 1970 by
-- PostgreSQL's clock; the time at which a window began is also its name.
create unlogged table testkase.rate_budgets (
    token_id bigint primary key,
    window_us bigint not null,
    granted bigint not null,    -- of the quota, in that window
    whole_at_us bigint not null -- when the burst's allowance is whole again (server/auth/allowance.h)
) with (fillfactor = 50);

-- Takes and gives back leases of tokens. For each token, in arrays of equal length: how many calls are wanted, how many calls of
-- an earlier lease are given back (which count only in the window that the lease was of), and what the server counted by itself
-- before: calls, how long ago their window began, and how long the burst's allowance would take to be whole again. A lease is
-- never more than an equal part of what is left for each of the servers, but one call at least if one is left. It returns, for
-- each token that exists, the calls of the new lease; what is then left of the quota for everybody; the window, and how long it
-- lasts; and when calls are left again, 0 if some are.
--
-- Rows are inserted, and then locked, in the order of their tokens, so that servers wait for each other but never deadlock. The
-- plan must not depend on how large the table was when it was made.
create function testkase.lease_rates(
    tokens bigint[], wanted bigint[], returned bigint[], windows bigint[], used bigint[], ages bigint[], debts bigint[],
    default_quota bigint, default_burst bigint, servers bigint
) returns table (token bigint, taken bigint, pool bigint, window_us bigint, window_left_us bigint, wait_us bigint)
    language plpgsql security definer set search_path = testkase, pg_temp set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    minute constant bigint := 60000000;
    now_us constant bigint := extract(epoch from now()) * 1000000;
begin
    insert into rate_budgets (token_id, window_us, granted, whole_at_us)
    select t.id, 0, 0, 0
    from unnest(tokens) as a (token)
    join api_tokens t on t.id = a.token
    order by t.id
    on conflict (token_id) do nothing;
    return query
    with asked as materialized (
        select a.token, greatest(a.wanted, 0) as wanted, greatest(a.returned, 0) as returned, a.of_window,
               greatest(a.used, 0) as used, least(greatest(a.age, 0), minute - 1) as age, greatest(a.debt, 0) as debt,
               q.quota, minute / q.quota as interval_us, greatest(q.quota * default_burst / default_quota, 1) as burst
        from unnest(tokens, wanted, returned, windows, used, ages, debts)
             as a (token, wanted, returned, of_window, used, age, debt)
        join api_tokens t on t.id = a.token
        join users u on u.id = t.user_id
        join organizations o on o.id = u.organization_id
        cross join lateral (select coalesce(t.rate_limit, o.default_rate_limit, default_quota) as quota) q
    ), held as materialized (
        select b.token_id, b.window_us, b.granted, b.whole_at_us
        from rate_budgets b
        where b.token_id in (select a.token from asked a)
        order by b.token_id
        for no key update
    ), settled as materialized (
        -- A window that seems to begin in the future is one that another server began while this statement waited for its row,
        -- or one from before the clock was set back.
        select a.token, a.wanted, a.quota, a.interval_us, a.burst, s.window_us, s.granted,
               least(greatest(w.whole_at_us, now_us), now_us + a.burst * a.interval_us) as whole_at_us
        from asked a
        join held h on h.token_id = a.token
        cross join lateral (select h.window_us > now_us - minute and h.window_us < now_us + 5000000 as is_open) o
        cross join lateral (select case when o.is_open and h.window_us = a.of_window then a.returned else 0 end as back) r
        cross join lateral (
            select case when o.is_open then h.window_us else now_us - a.age end as window_us,
                   greatest(case when o.is_open then h.granted else 0 end + a.used - r.back, 0) as granted
        ) s
        cross join lateral (
            select least(greatest(h.whole_at_us, now_us), now_us + a.burst * a.interval_us) + a.debt - r.back * a.interval_us
                   as whole_at_us
        ) w
    ), shared as materialized (
        select s.token, s.quota, s.interval_us, s.burst, s.window_us, s.granted + t.taken as granted,
               s.whole_at_us + t.taken * s.interval_us as whole_at_us, t.taken
        from settled s
        cross join lateral (
            select greatest(least(s.quota - s.granted,
                                  (now_us + s.burst * s.interval_us - s.whole_at_us) / s.interval_us), 0) as pool
        ) p
        cross join lateral (
            select least(s.wanted, p.pool, greatest(p.pool / greatest(servers, 1), 1)) as taken
        ) t
    ), written as (
        update rate_budgets b
        set window_us = s.window_us, granted = s.granted, whole_at_us = s.whole_at_us
        from shared s
        where b.token_id = s.token
    )
    select s.token, s.taken, greatest(s.quota - s.granted, 0), s.window_us, s.window_us + minute - now_us,
           case
               when s.granted >= s.quota then s.window_us + minute - now_us
               else greatest(s.whole_at_us - (s.burst - 1) * s.interval_us - now_us, 0)
           end
    from shared s;
end
$$;

grant execute on function
    testkase.lease_rates(bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint, bigint, bigint)
    to testkase_server;

-- Forgets up to `most` tokens that no server has asked about for two minutes; returns how many.
create function testkase.forget_rate_budgets(most integer) returns bigint
    language sql security definer set search_path = testkase, pg_temp
begin atomic
    with gone as (
        delete from testkase.rate_budgets b
        where b.token_id in (
            select c.token_id from testkase.rate_budgets c
            where greatest(c.window_us, c.whole_at_us) < (extract(epoch from now()) - 120) * 1000000
            limit forget_rate_budgets.most
            for update skip locked
        )
        returning b.token_id
    )
    select count(*) from gone;
end;

grant execute on function testkase.forget_rate_budgets(integer) to testkase_worker;

create view ops.servers as
    select h.server, h.version, h.started_at, h.beat_at, h.beat_at > now() - interval '5 seconds' as is_alive
    from testkase.server_heartbeats h;

comment on view ops.servers is
    'The servers on this database, by their heartbeats of twice a second. Those that have been silent for a minute are deleted.';
comment on column ops.servers.server is 'A random number that the process chose.';
comment on column ops.servers.version is 'Version of the program.';
comment on column ops.servers.started_at is 'When it first beat.';
comment on column ops.servers.beat_at is 'When it last beat.';
comment on column ops.servers.is_alive is 'Whether the other servers count it: it has beaten within 5 seconds.';

grant select on ops.servers to testkase_ops;
