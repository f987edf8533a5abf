-- What happened (audit), what must still be told to somebody (outbox), and the worker's sign of life.

create table testkase.audit_events (
    id bigint generated always as identity,
    occurred_at timestamptz not null default now(),
    organization_id bigint not null,
    -- Who: a person or service account (with the token it used, if any), the operator's CLI, or the service itself.
    actor_kind text not null check (actor_kind in ('user', 'operator', 'system')),
    actor_user_id bigint,
    actor_token_id bigint,
    -- What: <resource>.<past participle>, for example api_key.created.
    action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
    target_kind text not null check (target_kind in ('organization', 'user', 'project', 'api_key', 'session')),
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

create function testkase.refuse_change() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_events_append_only before update or delete on testkase.audit_events
    for each row execute function testkase.refuse_change();
create trigger audit_events_no_truncate before truncate on testkase.audit_events
    for each statement execute function testkase.refuse_change();

-- Makes the audit log's partitions of this month and the next `ahead` ones; returns how many it made. Rows of a month that
-- began before its partition was there stay in the default partition: they are found there all the same, so such a month gets none.
create function testkase.make_partitions(ahead integer) returns integer
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    first_day timestamptz;
    next_first timestamptz;
    partition_name text;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('testkase.make_partitions'));
    for month in 0..least(ahead, 24) loop
        first_day := (date_trunc('month', now() at time zone 'UTC') + month * interval '1 month') at time zone 'UTC';
        next_first := (date_trunc('month', now() at time zone 'UTC') + (month + 1) * interval '1 month') at time zone 'UTC';
        partition_name := 'audit_events_' || to_char(first_day at time zone 'UTC', 'YYYY_MM');
        continue when to_regclass('testkase.' || partition_name) is not null;
        continue when exists (select from audit_events_default where occurred_at >= first_day and occurred_at < next_first);
        execute format('create table testkase.%I partition of testkase.audit_events for values from (%L) to (%L)',
                       partition_name, first_day, next_first);
        made := made + 1;
    end loop;
    return made;
end
$$;

select testkase.make_partitions(3);

-- Written in the transaction of the change it tells of; delivered at least once, under its own id.
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

create table testkase.worker_heartbeats (
    worker text primary key check (char_length(worker) between 1 and 200),
    version text not null,
    started_at timestamptz not null default now(),
    beat_at timestamptz not null default now()
);

grant insert (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id, request_id,
              address, detail)
    on testkase.audit_events to testkase_server, testkase_worker;
grant select on testkase.audit_events to testkase_server;
grant execute on function testkase.make_partitions(integer) to testkase_worker;
grant insert (organization_id, user_id, topic, payload) on testkase.outbox to testkase_server, testkase_worker;
grant select on testkase.outbox to testkase_worker;
grant select, insert, update, delete on testkase.worker_heartbeats to testkase_worker;
