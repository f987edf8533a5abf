-- The upload of results, as one call.

-- Writes the results that a pipeline reports, and returns the answer. Everything happens or nothing. It is a function, and not
-- one statement, because it must read what it changes after it has the locks: a statement that waits for a lock goes on with
-- the snapshot from before.
--
-- The project's row is locked in share mode: uploads run beside each other, but not beside the creation or archiving of a case,
-- which would change what the counts are about. Rows of the latest results are written in the order of their key, so that two
-- uploads to one cycle wait for each other and never deadlock.
--
-- The results come as arrays of equal length: automation id, status, name, duration and message of each. Of an automation id
-- that comes several times the last result counts. A rehearsal writes nothing, and answers what the upload would. outcome:
-- reported | repeated (the answer is that of the first upload) | not_found (no such project or cycle) | forbidden |
-- key_used_otherwise | of acting()
create function testkase.report_results(
        actor testkase.actor, organization bigint, caller bigint, project_number integer,
        cycle_number integer, upload_key text, upload_digest bytea, build jsonb, automation_ids integer[], statuses text[],
        names text[], durations bigint[], messages text[], rehearse boolean)
    returns table (outcome text, answer json)
    language plpgsql volatile rows 1
    set search_path = testkase, pg_temp set work_mem = '64MB' as $$
declare
    acts record;
    project record;
    cycle record;
    earlier record;
    run bigint;
    reported timestamptz := now();
    counted record;
begin
    select a.* into acts from acting(actor) a;
    if acts.outcome <> 'allowed' then
        outcome := acts.outcome;
        return next;
        return;
    end if;
    if upload_key is not null and not rehearse then
        select u.digest, u.answer into earlier
        from result_uploads u
        where u.user_id = caller and u.idempotency_key = upload_key and u.uploaded_at > now() - interval '7 days';
        if found then
            outcome := case when earlier.digest = upload_digest then 'repeated' else 'key_used_otherwise' end;
            answer := case when earlier.digest = upload_digest then earlier.answer end;
            return next;
            return;
        end if;
    end if;
    select p.id, p.outcome into project from hold_project(organization, caller, project_number, 'user', 'shared') p;
    if not found or project.outcome <> 'allowed' then
        outcome := coalesce(project.outcome, 'not_found');
        return next;
        return;
    end if;
    select c.id into cycle from test_cycles c
    where c.project_id = project.id and c.number = cycle_number and c.archived_at is null
    for no key update;
    if not found then
        outcome := 'not_found';
        return next;
        return;
    end if;
    if not rehearse then
        insert into test_runs (project_id, cycle_id, user_id, token_id, build, received, matched)
        values (project.id, cycle.id, caller, acts.token_id, build, cardinality(automation_ids), 0)
        returning id into run;
    end if;
    with given as materialized (
        select c.id as case_id, r.automation_id, r.status, r.name, r.duration, r.message
        from (select distinct on (u.automation_id) u.automation_id, u.status, u.name, u.duration, u.message
              from unnest(automation_ids, statuses, names, durations, messages) with ordinality
                   as u (automation_id, status, name, duration, message, place)
              order by u.automation_id, u.place desc) r
        left join test_cases c
            on c.project_id = project.id and c.automation_id = r.automation_id and c.archived_at is null
    ), executed as (
        insert into test_executions (executed_at, case_id, cycle_id, run_id, status, duration_ms, name, message)
        select reported, g.case_id, cycle.id, run, g.status, g.duration, g.name, g.message
        from given g
        where g.case_id is not null and not rehearse
    ), latest as (
        insert into test_latest_results as l (cycle_id, case_id, run_id, executed_at, status, duration_ms, message)
        select cycle.id, g.case_id, run, reported, g.status, g.duration, g.message
        from given g
        where g.case_id is not null and not rehearse
        order by g.case_id
        on conflict (cycle_id, case_id)
            do update set run_id = excluded.run_id, executed_at = excluded.executed_at, status = excluded.status,
                          duration_ms = excluded.duration_ms, message = excluded.message
    )
    select count(*) as ids, count(g.case_id) as matched,
           count(g.case_id) filter (where g.status = 'pass') as pass, count(g.case_id) filter (where g.status = 'fail') as fail,
           count(g.case_id) filter (where g.status = 'blocked') as blocked,
           count(g.case_id) filter (where g.status = 'skipped') as skipped,
           coalesce(array_agg(g.automation_id order by g.automation_id) filter (where g.case_id is null), '{}') as missed
    into counted
    from given g;
    answer := json_build_object('cycleId', 'TCYCLE-' || cycle_number, 'received', cardinality(automation_ids),
                                'matched', counted.matched, 'unmatched', to_json(counted.missed),
                                'duplicates', cardinality(automation_ids) - counted.ids);
    if rehearse then
        outcome := 'reported';
        return next;
        return;
    end if;
    update test_runs r
    set matched = counted.matched, unmatched = counted.ids - counted.matched, pass = counted.pass, fail = counted.fail,
        blocked = counted.blocked, skipped = counted.skipped
    where r.id = run;
    if upload_key is not null then
        insert into result_uploads as u (user_id, idempotency_key, digest, answer)
        values (caller, upload_key, upload_digest, answer)
        on conflict (user_id, idempotency_key)
            do update set uploaded_at = now(), digest = excluded.digest, answer = excluded.answer; -- older than 7 days
    end if;
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address, action,
                              target_kind, target_id, detail)
    values (acts.organization_id, acts.kind, acts.user_id, acts.token_id, acts.request_id, acts.address,
            'automation.results_received', 'test_run', run,
            jsonb_build_object('project', 'PRJ-' || project_number, 'cycle', 'TCYCLE-' || cycle_number,
                               'received', cardinality(automation_ids), 'matched', counted.matched));
    outcome := 'reported';
    return next;
end
$$;

grant execute on function testkase.report_results(testkase.actor, bigint, bigint, integer, integer, text, bytea, jsonb,
                                                  integer[], text[], text[], bigint[], text[], boolean)
    to testkase_server;

grant insert (project_id, cycle_id, user_id, token_id, build, received, matched),
      update (matched, unmatched, pass, fail, blocked, skipped)
    on testkase.test_runs to testkase_server;
grant insert (executed_at, case_id, cycle_id, run_id, status, duration_ms, name, message)
    on testkase.test_executions to testkase_server;
grant insert (cycle_id, case_id, run_id, executed_at, status, duration_ms, message),
      update (run_id, executed_at, status, duration_ms, message)
    on testkase.test_latest_results to testkase_server;
grant select on testkase.result_uploads to testkase_server;
grant insert (user_id, idempotency_key, digest, answer), update (uploaded_at, digest, answer)
    on testkase.result_uploads to testkase_server;

-- Forgets up to `most` uploads of more than 7 days ago; returns how many.
create function testkase.forget_uploads(most integer) returns bigint
    language sql security definer set search_path = testkase, pg_temp
as $$
    with batch as (
        select u.user_id, u.idempotency_key
        from result_uploads u
        where u.uploaded_at < now() - interval '7 days'
        order by u.uploaded_at
        limit most
        for update skip locked
    ), gone as (
        delete from result_uploads u
        using batch b
        where u.user_id = b.user_id and u.idempotency_key = b.idempotency_key
        returning u.user_id
    )
    select count(*) from gone
$$;

grant execute on function testkase.forget_uploads(integer) to testkase_worker;
