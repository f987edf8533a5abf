-- Archives a test case: it is not executed any more, and its latest results leave the counts of the cycles, by a trigger.
-- takes: projectId, least_role, case, actor
-- → outcome (allowed | not_found: also when it is archived already | forbidden | of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :projectId::integer, :least_role, 'alone') p
    where a.outcome = 'allowed'
), archived as (
    update test_cases c set archived_at = now()
    from project h
    where c.project_id = h.id and c.number = :case::integer and c.archived_at is null
    returning c.id, c.number, c.title
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'test_case.archived', 'test_case', c.id,
           jsonb_build_object('project', h.number, 'number', c.number, 'title', c.title)
    from archived c, project h, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when h.outcome <> 'allowed' then h.outcome
           when c.id is null then 'not_found'
           else 'allowed'
       end as outcome
from actor a
left join project h on true
left join archived c on true;
