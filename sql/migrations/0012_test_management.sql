-- Test cases, test cycles, and the results that pipelines report.

-- --- projects ---

alter table testkase.projects
    add column next_case_number integer not null default 1 check (next_case_number > 0),
    add column next_cycle_number integer not null default 1 check (next_cycle_number > 0),
    -- Cases that are not archived. With the counts of a cycle it tells how many of them were not executed, without a scan.
    add column active_cases integer not null default 0 check (active_cases >= 0);

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

create index test_cases_active_idx on testkase.test_cases (project_id, number desc) where archived_at is null;

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
    matched integer not null check (matched >= 0)
);

create index test_runs_project_idx on testkase.test_runs (project_id, id desc);

-- Every result ever reported. No foreign keys: they would cost a look-up for each of 50 000 rows, and report_results() has just
-- found the case.
create table testkase.test_executions (
    id bigint generated always as identity,
    executed_at timestamptz not null default now(),
    case_id bigint not null,
    cycle_id bigint not null,
    run_id bigint not null,
    status text not null check (status in ('pass', 'fail', 'blocked', 'skipped')),
    duration_ms bigint check (duration_ms >= 0),
    name text check (char_length(name) <= 500),
    message text check (char_length(message) <= 2000),
    primary key (executed_at, id)
) partition by range (executed_at);

create table testkase.test_executions_default partition of testkase.test_executions default;

create index test_executions_case_idx on testkase.test_executions (case_id, id desc);

insert into testkase.partitioned_tables (name, by_column) values ('test_executions', 'executed_at');
select testkase.make_partitions(3);

-- The latest result of each case in each cycle.
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

-- Adds the difference that new or replaced results make to the counts of their cycles. A replaced row stands in the transition
-- table as it was at that moment, whatever the statement's snapshot shows, so the counts are exact also when two uploads meet.
create function testkase.count_results(cycle bigint, status text, n bigint) returns void
    language sql
as $$
    update testkase.test_cycles c
    set pass = c.pass + case count_results.status when 'pass' then n else 0 end,
        fail = c.fail + case count_results.status when 'fail' then n else 0 end,
        blocked = c.blocked + case count_results.status when 'blocked' then n else 0 end,
        skipped = c.skipped + case count_results.status when 'skipped' then n else 0 end
    where c.id = cycle
$$;

create function testkase.test_results_added() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform count_results(d.cycle_id, d.status, d.n)
    from (select cycle_id, status, count(*) as n from after_rows group by 1, 2 order by 1, 2) d;
    return null;
end
$$;

create function testkase.test_results_replaced() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform count_results(d.cycle_id, d.status, d.n)
    from (select e.cycle_id, e.status, sum(e.n) as n
          from (select cycle_id, status, 1 as n from after_rows union all select cycle_id, status, -1 from before_rows) e
          group by 1, 2
          having sum(e.n) <> 0
          order by 1, 3 desc, 2) d; -- additions first: no count is ever below 0
    return null;
end
$$;

create trigger test_results_added after insert on testkase.test_latest_results
    referencing new table as after_rows
    for each statement execute function testkase.test_results_added();
create trigger test_results_replaced after update on testkase.test_latest_results
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.test_results_replaced();

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
