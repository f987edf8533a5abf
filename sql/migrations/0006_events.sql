-- The audit log, and the outbox of notifications to deliver.

-- --- tables that are partitioned by month ---

create table testkase.partitioned_tables (
    name text primary key,
    by_column text not null
);

-- Makes the partitions of this month and the next `ahead` ones; returns how many it made. When a month already has rows in the
-- default partition, because it began before its partition was made, it gets none: the rows stay there and are found all the
-- same.
create function testkase.make_partitions(ahead integer) returns integer
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    table_of record;
    first_day timestamptz;
    next_first timestamptz;
    partition_name text;
    is_begun boolean;
    made integer := 0;
begin
    lock table partitioned_tables in share row exclusive mode; -- unlike an advisory lock, other roles cannot take it
    for table_of in select * from partitioned_tables order by name loop
        for month in 0..least(ahead, 24) loop
            first_day := (date_trunc('month', now() at time zone 'UTC') + month * interval '1 month') at time zone 'UTC';
            next_first := (date_trunc('month', now() at time zone 'UTC') + (month + 1) * interval '1 month') at time zone 'UTC';
            partition_name := table_of.name || '_' || to_char(first_day at time zone 'UTC', 'YYYY_MM');
            continue when to_regclass('testkase.' || partition_name) is not null;
            execute format('select exists (select from testkase.%I where %I >= $1 and %I < $2)',
                           table_of.name || '_default', table_of.by_column, table_of.by_column)
                into is_begun using first_day, next_first;
            continue when is_begun;
            execute format('create table testkase.%I partition of testkase.%I for values from (%L) to (%L)',
                           partition_name, table_of.name, first_day, next_first);
            made := made + 1;
        end loop;
    end loop;
    return made;
end
$$;

grant execute on function testkase.make_partitions(integer) to testkase_worker;

-- --- audit log ---

-- The actor of a change, as one parameter of a statement: the account with the token or the session that it used, the request,
-- and the role in the organization that the call needs (member | admin).
create type testkase.actor as (
    kind text,
    user_id bigint,
    token_id bigint,
    session_id bigint,
    needs text,
    request_id text,
    address inet
);

revoke usage on type testkase.actor from public;
grant usage on type testkase.actor to testkase_server, testkase_worker;

-- The actor, if it may still act; every statement that a caller's request writes with begins with this, and writes nothing when
-- the outcome is another than "allowed". A server decides on a request when its head has arrived: until the body is here and
-- argon2 is done, the token may have been revoked, the session ended, the account deactivated or given a lower role. The rows
-- that the right rests on are locked until the commit: whoever takes the right away either comes first, and is seen here, or
-- waits for the change. Two writes of one account follow one another.
-- outcome: allowed | actor_gone (token, session or account) | actor_expired | actor_lacks_role
create function testkase.acting(actor testkase.actor)
    returns table (organization_id bigint, kind text, user_id bigint, token_id bigint, request_id text, address inet,
                   outcome text)
    language plpgsql volatile rows 1
    set search_path = testkase, pg_temp as $$
declare
    account record;
    token record;
    expires timestamptz;
    is_live boolean;
begin
    outcome := 'allowed';
    kind := actor.kind;
    user_id := actor.user_id;
    token_id := actor.token_id;
    request_id := actor.request_id;
    address := actor.address;
    if actor.kind = 'user' then
        select u.organization_id, u.status, u.org_role, u.credential_generation, u.session_generation into account
        from users u
        where u.id = actor.user_id
        for no key update;
        organization_id := account.organization_id;
        is_live := account.status = 'active';
        if actor.token_id is not null then
            select t.ended_at, t.expires_at, t.owner_generation into token
            from api_tokens t
            where t.id = actor.token_id and t.user_id = actor.user_id
            for no key update;
            expires := token.expires_at;
            is_live := is_live and found and token.ended_at is null and token.owner_generation = account.credential_generation;
        else
            perform from sessions s
            where s.id = actor.session_id and s.user_id = actor.user_id and s.expires_at > clock_timestamp()
              and s.user_generation = account.session_generation
            for no key update;
            is_live := is_live and found;
        end if;
        if is_live is not true then
            outcome := 'actor_gone';
        elsif expires <= clock_timestamp() then
            outcome := 'actor_expired';
        elsif actor.needs <> 'member' and account.org_role not in ('owner', 'admin') then
            outcome := 'actor_lacks_role';
        end if;
    end if;
    return next;
end
$$;

revoke execute on function testkase.acting(testkase.actor) from public;
grant execute on function testkase.acting(testkase.actor) to testkase_server;

create table testkase.audit_events (
    id bigint generated always as identity,
    occurred_at timestamptz not null default now(),
    organization_id bigint not null,
    -- The actor: an account (with the token that it used, if any), the operator's command line, or the service itself.
    actor_kind text not null check (actor_kind in ('user', 'operator', 'system')),
    actor_user_id bigint,
    actor_token_id bigint,
    -- <resource>.<past participle>, for example api_key.created.
    action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
    target_kind text not null check (target_kind ~ '^[a-z_]+$'),
    target_id bigint not null,
    request_id text check (char_length(request_id) <= 64),
    address inet,
    detail jsonb not null default '{}',
    primary key (occurred_at, id),
    check ((actor_kind = 'user') = (actor_user_id is not null))
) partition by range (occurred_at);

create table testkase.audit_events_default partition of testkase.audit_events default;

create index audit_events_organization_idx on testkase.audit_events (organization_id, id desc);
create index audit_events_target_idx on testkase.audit_events (target_kind, target_id, id desc);

create trigger audit_events_append_only before update or delete on testkase.audit_events
    for each row execute function testkase.refuse_change();
create trigger audit_events_no_truncate before truncate on testkase.audit_events
    for each statement execute function testkase.refuse_change();

-- What operators do is recorded by their own role: another one may not state that they did it.
create function testkase.audit_events_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if not is_operator() then
        raise exception 'only an operator''s role records what an operator did' using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

create trigger audit_events_guard before insert on testkase.audit_events
    for each row when (new.actor_kind = 'operator') execute function testkase.audit_events_guard();

insert into testkase.partitioned_tables (name, by_column) values ('audit_events', 'occurred_at');
select testkase.make_partitions(3);

grant insert (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id, request_id,
              address, detail)
    on testkase.audit_events to testkase_server, testkase_worker;
grant select on testkase.audit_events to testkase_server;

-- --- outbox ---

-- Notifications, each written in the transaction of the change that it reports; delivered at least once, under its own id.
create table testkase.outbox (
    id uuid primary key default gen_random_uuid(),
    sequence bigint generated always as identity unique,
    created_at timestamptz not null default now(),
    organization_id bigint not null references testkase.organizations,
    user_id bigint references testkase.users,
    topic text not null check (topic ~ '^[a-z_]+\.[a-z_]+$'),
    -- Ids and facts for the message; never a secret.
    payload jsonb not null default '{}'
);

create trigger outbox_added after insert on testkase.outbox
    referencing new table as after_rows
    for each statement execute function testkase.notify_rows('testkase_outbox', 'outboxIds');

grant insert (organization_id, user_id, topic, payload) on testkase.outbox to testkase_server, testkase_worker;
grant select on testkase.outbox to testkase_worker;
