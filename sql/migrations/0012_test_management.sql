-- Test cases, test cycles, and the results that pipelines report.

-- --- organizations ---

-- How many months the results of pipelines are kept; null: for ever. The latest result of each case stays in any case.
alter table testkase.organizations
    add column execution_months smallint check (execution_months between 1 and 120);

grant update (execution_months) on testkase.organizations to testkase_server;

-- --- projects ---

alter table testkase.projects
    add column next_case_number integer not null default 1 check (next_case_number > 0),
    add column next_cycle_number integer not null default 1 check (next_cycle_number > 0),
    -- Cases that are not archived; a trigger keeps it. With the counts of a cycle it tells how many of them were not executed,
    -- without a scan.
    add column active_cases integer not null default 0 check (active_cases >= 0);

grant update (name, next_case_number, next_cycle_number) on testkase.projects to testkase_server;

-- project_for(), for a statement that changes something in the project. It is called after acting(), and holds the caller's
-- membership until the commit: whoever takes the role away either comes first, and is seen here, or waits for the change.
-- `hold` says how much more is held:
--   membership  nothing
--   shared      the project's row, FOR SHARE: an upload of results
--   alone       the project's row, FOR NO KEY UPDATE: the creation and the archiving of cases and cycles, and changes of members
-- So uploads to a project run side by side, and whatever changes the cases, and with them what is counted, runs alone: when it
-- holds the row, every upload before it is committed, and every later one waits. Its statement began before that, so its own
-- snapshot may lack those uploads; functions that are volatile, and triggers, take a new snapshot for each of their statements,
-- and so does the last line of this one. The project comes before the membership: of two admins who change each other's role,
-- one waits here, with nothing held that the other needs. A caller without the role waits for nothing.
create function testkase.hold_project(organization bigint, caller bigint, project_number integer, least_role text, hold text)
    returns table (id bigint, number integer, name text, role text, outcome text)
    language plpgsql volatile rows 1 set search_path = testkase, pg_temp
as $$
declare
    held bigint;
begin
    select f.id into held from project_for(organization, caller, project_number, least_role) f;
    if held is not null then
        if hold = 'alone' then
            perform from projects p where p.id = held for no key update;
        elsif hold = 'shared' then
            perform from projects p where p.id = held for share;
        end if;
        perform from project_members m where m.project_id = held and m.user_id = caller for share;
    end if;
    return query select f.id, f.number, f.name, f.role, f.outcome
                 from project_for(organization, caller, project_number, least_role) f;
end
$$;

grant execute on function testkase.hold_project(bigint, bigint, integer, text, text) to testkase_server;

-- --- test cases ---

create table testkase.test_cases (
    id bigint generated always as identity primary key,
    project_id bigint not null references testkase.projects,
    number integer not null check (number > 0),
    title text not null check (char_length(title) between 1 and 200),
    -- How a test names its case: "[48271]".
    automation_id integer not null check (automation_id between 10000 and 999999),
    created_at timestamptz not null default now(),
    archived_at timestamptz,
    unique (project_id, number),
    -- Archived cases keep theirs, so no id is ever used twice.
    constraint test_cases_automation_id_key unique (project_id, automation_id)
);

-- Cases are numbered in the order of their ids.
create index test_cases_active_idx on testkase.test_cases (project_id, id desc) where archived_at is null;

grant select on testkase.test_cases to testkase_server;
grant insert (project_id, number, title, automation_id), update (title, archived_at) on testkase.test_cases to testkase_server;

-- Draws a number of five digits that no case of the project has had; when all 90 000 are used, one of six digits. The caller
-- holds the project's row, so no other statement draws at the same time.
create function testkase.draw_automation_id(of_project bigint) returns integer
    language plpgsql volatile set search_path = testkase, pg_temp
as $$
declare
    least_id integer := 10000;
    drawn integer;
begin
    loop
        for attempt in 1..20 loop
            drawn := least_id + floor(random() * 9 * least_id)::integer;
            if not exists (select from test_cases c where c.project_id = of_project and c.automation_id = drawn) then
                return drawn;
            end if;
        end loop;
        -- Most are used: look for those that are left.
        select f.id into drawn
        from generate_series(least_id, 10 * least_id - 1) f (id)
        where not exists (select from test_cases c where c.project_id = of_project and c.automation_id = f.id)
        order by random()
        limit 1;
        if found then
            return drawn;
        end if;
        if least_id = 100000 then
            raise exception 'the project has used all automation ids'
                using errcode = 'program_limit_exceeded', constraint = 'test_cases_automation_ids_used_up';
        end if;
        least_id := 100000;
    end loop;
end
$$;

grant execute on function testkase.draw_automation_id(bigint) to testkase_server;

-- --- test cycles ---

-- A cycle covers all cases of its project. The four counts are of the latest results of cases that are not archived; triggers
-- keep them.
create table testkase.test_cycles (
    id bigint generated always as identity primary key,
    project_id bigint not null references testkase.projects,
    number integer not null check (number > 0),
    name text not null check (char_length(name) between 1 and 100),
    pass integer not null default 0 check (pass >= 0),
    fail integer not null default 0 check (fail >= 0),
    blocked integer not null default 0 check (blocked >= 0),
    skipped integer not null default 0 check (skipped >= 0),
    created_at timestamptz not null default now(),
    archived_at timestamptz,
    unique (project_id, number),
    -- TCYCLE-1, the master cycle, comes with the project and stays.
    constraint test_cycles_master_stays check (number > 1 or archived_at is null)
);

create index test_cycles_active_idx on testkase.test_cycles (project_id, number desc) where archived_at is null;

grant select on testkase.test_cycles to testkase_server;
grant insert (project_id, number, name), update (name, archived_at) on testkase.test_cycles to testkase_server;

-- The counts of a cycle as they are shown.
create function testkase.shown_counts(cases integer, pass integer, fail integer, blocked integer, skipped integer) returns json
    language sql immutable parallel safe
    return json_build_object('total', cases, 'notExecuted', cases - pass - fail - blocked - skipped, 'pass', pass, 'fail', fail,
                             'blocked', blocked, 'skipped', skipped);

grant execute on function testkase.shown_counts(integer, integer, integer, integer, integer) to testkase_server;

create function testkase.projects_begin() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    insert into test_cycles (project_id, number, name)
    select p.id, 1, 'Master cycle' from after_rows p;
    update projects p set next_cycle_number = 2 from after_rows a where p.id = a.id;
    return null;
end
$$;

create trigger projects_begin after insert on testkase.projects
    referencing new table as after_rows
    for each statement execute function testkase.projects_begin();

insert into testkase.test_cycles (project_id, number, name) select id, 1, 'Master cycle' from testkase.projects;
update testkase.projects set next_cycle_number = 2;

-- --- results ---

-- One upload of results: which build, and by whom.
create table testkase.test_runs (
    id bigint generated always as identity primary key,
    project_id bigint not null references testkase.projects,
    cycle_id bigint not null references testkase.test_cycles,
    reported_at timestamptz not null default now(),
    user_id bigint not null references testkase.users,
    token_id bigint references testkase.api_tokens,
    -- Of the build, as the pipeline tells them: {id, number, url, branch, commit, provider}.
    build jsonb not null default '{}',
    received integer not null check (received >= 0),
    matched integer not null check (matched >= 0),
    -- Automation ids without an active case; with matched, and the results that came again for an id, they make received.
    unmatched integer not null default 0 check (unmatched >= 0),
    -- The matched ones by what was reported. They stay when the executions are deleted.
    pass integer not null default 0 check (pass >= 0),
    fail integer not null default 0 check (fail >= 0),
    blocked integer not null default 0 check (blocked >= 0),
    skipped integer not null default 0 check (skipped >= 0),
    -- When its executions were deleted, because the organization does not keep them any longer.
    pruned_at timestamptz
);

create index test_runs_cycle_idx on testkase.test_runs (cycle_id, id desc);
create index test_runs_prunable_idx on testkase.test_runs (project_id, reported_at) where pruned_at is null;

grant select on testkase.test_runs to testkase_server;

-- The build of a run as it is shown; null when the pipeline told nothing.
create function testkase.shown_build(build jsonb) returns json
    language sql immutable parallel safe
    return case when build <> '{}' then json_build_object(
               'id', build ->> 'id', 'number', build ->> 'number', 'url', build ->> 'url', 'branch', build ->> 'branch',
               'commit', build ->> 'commit', 'provider', build ->> 'provider') end;

grant execute on function testkase.shown_build(jsonb) to testkase_server;

-- Every result ever reported. No foreign keys: they would cost a look-up for each of 50 000 rows, and report_results() has just
-- found the case. executed_at is the run's reported_at, by which prune_executions() finds them.
create table testkase.test_executions (
    id bigint generated always as identity,
    executed_at timestamptz not null default now(),
    case_id bigint not null,
    cycle_id bigint not null,
    run_id bigint not null,
    status text not null check (status in ('pass', 'fail', 'blocked', 'skipped')),
    duration_ms bigint check (duration_ms >= 0),
    name text check (char_length(name) <= 4096),
    message text check (char_length(message) <= 4096),
    primary key (executed_at, id)
) partition by range (executed_at);

create table testkase.test_executions_default partition of testkase.test_executions default;

create index test_executions_case_idx on testkase.test_executions (case_id, id desc);

grant select on testkase.test_executions to testkase_server;

insert into testkase.partitioned_tables (name, by_column) values ('test_executions', 'executed_at');
select testkase.make_partitions(3);

-- The latest result of each case in each cycle. Archived cases have none.
create table testkase.test_latest_results (
    cycle_id bigint not null references testkase.test_cycles,
    case_id bigint not null,
    run_id bigint not null,
    executed_at timestamptz not null,
    status text not null check (status in ('pass', 'fail', 'blocked', 'skipped')),
    duration_ms bigint,
    message text,
    primary key (cycle_id, case_id)
) with (fillfactor = 70);

create index test_latest_results_case_idx on testkase.test_latest_results (case_id);
create index test_latest_results_status_idx on testkase.test_latest_results (cycle_id, status, case_id);

grant select on testkase.test_latest_results to testkase_server;

-- Adds to the counts of cycles the difference that new, replaced and removed results make. A row stands in the transition table
-- as it was at that moment, whatever the statement's snapshot shows, so the counts are exact also when two uploads meet.
create function testkase.test_results_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        update test_cycles c
        set pass = c.pass + d.pass, fail = c.fail + d.fail, blocked = c.blocked + d.blocked, skipped = c.skipped + d.skipped
        from (select a.cycle_id, count(*) filter (where a.status = 'pass') as pass,
                     count(*) filter (where a.status = 'fail') as fail,
                     count(*) filter (where a.status = 'blocked') as blocked,
                     count(*) filter (where a.status = 'skipped') as skipped
              from after_rows a
              group by a.cycle_id) d
        where c.id = d.cycle_id;
    elsif tg_op = 'DELETE' then
        update test_cycles c
        set pass = c.pass - d.pass, fail = c.fail - d.fail, blocked = c.blocked - d.blocked, skipped = c.skipped - d.skipped
        from (select b.cycle_id, count(*) filter (where b.status = 'pass') as pass,
                     count(*) filter (where b.status = 'fail') as fail,
                     count(*) filter (where b.status = 'blocked') as blocked,
                     count(*) filter (where b.status = 'skipped') as skipped
              from before_rows b
              group by b.cycle_id) d
        where c.id = d.cycle_id;
    else
        update test_cycles c
        set pass = c.pass + d.pass, fail = c.fail + d.fail, blocked = c.blocked + d.blocked, skipped = c.skipped + d.skipped
        from (select e.cycle_id, coalesce(sum(e.n) filter (where e.status = 'pass'), 0) as pass,
                     coalesce(sum(e.n) filter (where e.status = 'fail'), 0) as fail,
                     coalesce(sum(e.n) filter (where e.status = 'blocked'), 0) as blocked,
                     coalesce(sum(e.n) filter (where e.status = 'skipped'), 0) as skipped
              from (select a.cycle_id, a.status, 1 as n from after_rows a
                    union all
                    select b.cycle_id, b.status, -1 from before_rows b) e
              group by e.cycle_id) d
        where c.id = d.cycle_id and (d.pass, d.fail, d.blocked, d.skipped) <> (0, 0, 0, 0);
    end if;
    return null;
end
$$;

create trigger test_results_added after insert on testkase.test_latest_results
    referencing new table as after_rows
    for each statement execute function testkase.test_results_changed();
create trigger test_results_replaced after update on testkase.test_latest_results
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.test_results_changed();
create trigger test_results_removed after delete on testkase.test_latest_results
    referencing old table as before_rows
    for each statement execute function testkase.test_results_changed();

-- Keeps projects.active_cases, and removes the latest results of cases that are archived, from the counts, too. It runs at the
-- end of the statement, which holds the project alone (hold_project()). Its own statements see what was committed until then: all
-- uploads to the project that came first.
create function testkase.test_cases_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        update projects p set active_cases = p.active_cases + d.n
        from (select a.project_id, count(*) filter (where a.archived_at is null) as n from after_rows a group by 1) d
        where p.id = d.project_id;
        return null;
    end if;
    delete from test_latest_results r using after_rows a where r.case_id = a.id and a.archived_at is not null;
    update projects p set active_cases = p.active_cases + d.n
    from (select a.project_id, sum((a.archived_at is null)::integer - (b.archived_at is null)::integer) as n
          from after_rows a join before_rows b on b.id = a.id
          group by 1) d
    where p.id = d.project_id and d.n <> 0;
    return null;
end
$$;

create trigger test_cases_added after insert on testkase.test_cases
    referencing new table as after_rows
    for each statement execute function testkase.test_cases_changed();
create trigger test_cases_updated after update on testkase.test_cases
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.test_cases_changed();

-- Deletes the executions of runs that are older than their organization keeps them: of at most 100 runs, and no more runs once
-- `executions` are exceeded. When there are none, it drops the partitions of past months that have become empty. Returns how many
-- runs and partitions.
create function testkase.prune_executions(executions integer) returns bigint
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    pruned bigint;
    partition_name text;
    is_empty boolean;
begin
    with due as (
        select r.id, r.reported_at, r.received
        from organizations o
        join projects p on p.organization_id = o.id
        cross join lateral (
            select r.id, r.reported_at, r.received
            from test_runs r
            where r.project_id = p.id and r.pruned_at is null
              and r.reported_at < now() - o.execution_months * interval '1 month'
            order by r.reported_at
            limit 100
            for no key update of r skip locked
        ) r
        where o.execution_months is not null
        limit 100
    ), batch as (
        select s.id, s.reported_at
        from (select d.id, d.reported_at, sum(d.received) over (order by d.id) - d.received as before from due d) s
        where s.before < greatest(executions, 1)
    ), deleted as (
        delete from test_executions e using batch b where e.executed_at = b.reported_at and e.run_id = b.id
    ), marked as (
        update test_runs r set pruned_at = now() from batch b where r.id = b.id
        returning r.id
    )
    select count(*) into pruned from marked;
    if pruned > 0 then
        return pruned;
    end if;
    lock table partitioned_tables in share row exclusive mode; -- as make_partitions() does
    for partition_name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'testkase.test_executions'::regclass and c.relname ~ '^test_executions_[0-9]{4}_[0-9]{2}$'
          and to_date(right(c.relname, 7), 'YYYY_MM') < date_trunc('month', now() at time zone 'UTC') - interval '1 month'
    loop
        execute format('select not exists (select from testkase.%I)', partition_name) into is_empty;
        continue when not is_empty;
        execute format('drop table testkase.%I', partition_name);
        pruned := pruned + 1;
    end loop;
    return pruned;
end
$$;

grant execute on function testkase.prune_executions(integer) to testkase_worker;

-- Uploads of the last 7 days by their Idempotency-Key: one that is sent again gets the same answer, and writes nothing.
create table testkase.result_uploads (
    user_id bigint not null references testkase.users,
    idempotency_key text collate "C" not null check (idempotency_key ~ '^[ -~]{1,255}$'),
    uploaded_at timestamptz not null default now(),
    digest bytea not null check (octet_length(digest) = 32),
    answer json not null,
    primary key (user_id, idempotency_key)
);

create index result_uploads_idx on testkase.result_uploads (uploaded_at);
