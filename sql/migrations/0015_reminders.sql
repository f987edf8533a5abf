-- Reminders in stages, custodians of service accounts, and who is told what about an account.
-- oldest-program: 14

-- --- custodians ---

-- The people who look after a service account: they get its reminders, and may acknowledge them.
create table testkase.custodians (
    organization_id bigint not null,
    service_id bigint not null,
    user_id bigint not null,
    created_at timestamptz not null default now(),
    primary key (service_id, user_id),
    foreign key (organization_id, service_id) references testkase.users (organization_id, id),
    foreign key (organization_id, user_id) references testkase.users (organization_id, id)
);

create index custodians_user_idx on testkase.custodians (user_id);

-- A person is its own custodian, and a service account looks after nobody.
create function testkase.custodians_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if (select kind from users where id = new.service_id) <> 'service'
       or (select kind from users where id = new.user_id) <> 'person' then
        raise exception 'a custodian is a person who looks after a service account'
            using errcode = 'integrity_constraint_violation', constraint = 'custodians_kinds';
    end if;
    return new;
end
$$;

create trigger custodians_guard before insert or update on testkase.custodians
    for each row execute function testkase.custodians_guard();

grant select, delete on testkase.custodians to testkase_server;
grant insert (organization_id, service_id, user_id) on testkase.custodians to testkase_server;
grant select on testkase.custodians to testkase_worker;

-- The active people who are told what concerns an account: a person itself, the custodians of a service account, and the owner
-- and the admins of its organization when it has none.
create function testkase.told_about(account bigint) returns table (user_id bigint)
    language sql stable
as $$
    with about as (
        select u.id, u.organization_id, u.kind from testkase.users u where u.id = account
    ), custodian as (
        select p.id
        from about a
        join testkase.custodians c on c.service_id = a.id
        join testkase.users p on p.id = c.user_id and p.status = 'active'
        where a.kind = 'service'
    )
    select a.id from about a where a.kind = 'person'
    union all
    select c.id from custodian c
    union all
    select u.id
    from about a
    join testkase.users u on u.organization_id = a.organization_id and u.kind = 'person' and u.status = 'active'
                             and u.org_role in ('owner', 'admin')
    where a.kind = 'service' and not exists (select from custodian)
$$;

grant execute on function testkase.told_about(bigint) to testkase_server, testkase_worker;

-- --- stages of reminders ---

-- When a token is reminded of, besides its day of rotation: so many days before its expiry, if that is later. They are data, like
-- rotation_policy.
create table testkase.reminder_policy (
    stage text primary key check (stage in ('week', 'day')),
    days_before smallint not null unique check (days_before between 1 and 30)
);

insert into testkase.reminder_policy (stage, days_before) values ('week', 7), ('day', 1);
grant select on testkase.reminder_policy to testkase_server, testkase_worker;

-- The stages of a token's reminder, in their order: "rotation" on its day, then those before the expiry. What is told at the
-- expiry itself comes with the end of the token.
create function testkase.reminder_stages(rotate_at timestamptz, expires_at timestamptz)
    returns table (rank bigint, stage text, at timestamptz)
    language sql stable
as $$
    select row_number() over (order by s.at), s.stage, s.at
    from (
        select 'rotation' as stage, reminder_stages.rotate_at as at
        union all
        select p.stage, reminder_stages.expires_at - p.days_before * interval '86400 seconds'
        from testkase.reminder_policy p
        where reminder_stages.expires_at - p.days_before * interval '86400 seconds' > reminder_stages.rotate_at
    ) s
$$;

grant execute on function testkase.reminder_stages(timestamptz, timestamptz) to testkase_server, testkase_worker;

-- A reminder is due at each stage anew, until its owner acknowledges it, and closed when the token ends. `stage` is the one that
-- was reached last, and `due_at` is when the next one is; null when there is none left.
alter table testkase.rotation_reminders
    add column stage text check (stage in ('rotation', 'week', 'day')),
    alter column due_at drop not null;

update testkase.rotation_reminders r
set stage = 'rotation',
    due_at = (select min(s.at) from testkase.api_tokens t, testkase.reminder_stages(t.rotate_at, t.expires_at) s
              where t.id = r.token_id and s.at > now())
where r.state in ('due', 'acknowledged');

drop index testkase.rotation_reminders_scheduled_idx;
create index rotation_reminders_due_idx on testkase.rotation_reminders (due_at) where state <> 'closed' and due_at is not null;

grant update (stage, due_at) on testkase.rotation_reminders to testkase_worker;

-- Whether a token was replaced: a live successor is in use. Then nobody needs to be reminded of it.
create function testkase.is_replaced(token bigint) returns boolean
    language sql stable
as $$
    select exists (
        select from testkase.api_tokens n
        join testkase.users u on u.id = n.user_id and u.credential_generation = n.owner_generation
        join testkase.api_token_last_used l on l.token_id = n.id
        where n.predecessor_id = token and n.ended_at is null and n.expires_at > now())
$$;

grant execute on function testkase.is_replaced(bigint) to testkase_server, testkase_worker;

-- The reminders of live tokens that have reached a stage and were not made needless by a successor, as the API shows them.
create view testkase.shown_reminders as
    select r.id, r.user_id, r.token_id as "apiKeyId", t.name as "apiKeyName", t.preview as "tokenPreview", u.id as "ownerId",
           u.name as "ownerName", r.stage, r.state, testkase.rfc3339(s.at) as "dueAt", testkase.rfc3339(r.due_at) as "nextAt",
           testkase.rfc3339(t.expires_at) as "expiresAt", n.live_successor_id as "successorId"
    from testkase.rotation_reminders r
    join testkase.api_tokens t on t.id = r.token_id
    join testkase.users u on u.id = t.user_id and u.status = 'active' and u.credential_generation = t.owner_generation
    join testkase.api_token_rotations n on n.id = t.id
    cross join lateral (select s.at from testkase.reminder_stages(t.rotate_at, t.expires_at) s where s.stage = r.stage offset 0) s
    where r.state in ('due', 'acknowledged') and t.ended_at is null and t.expires_at > now()
      and not testkase.is_replaced(t.id);

grant select on testkase.shown_reminders to testkase_server;

grant select on testkase.api_token_last_used to testkase_worker;

create or replace view testkase.worker_backlog as
    select 'leavers_tokens' as job, count(*) as pending, min(u.status_changed_at) as since
    from testkase.users u
    join testkase.api_tokens t on t.user_id = u.id and t.owner_generation < u.credential_generation and t.ended_at is null
    where u.credential_generation > 1
    union all
    select 'expire', count(*), min(t.expires_at) from testkase.api_tokens t where t.ended_at is null and t.expires_at <= now()
    union all
    select 'remind', count(*), min(r.due_at)
    from testkase.rotation_reminders r where r.state <> 'closed' and r.due_at <= now()
    union all
    select 'erase_hashes', count(*), min(h.ended_at) + interval '30 days'
    from testkase.hashes_to_erase h where h.ended_at <= now() - interval '30 days'
    union all
    select 'expired_sessions', count(*), min(s.expires_at) from testkase.sessions s where s.expires_at <= now()
    union all
    select 'sum_up_usage', count(*), min(h.due_at) from testkase.usage_hours h where h.due_at <= now();
