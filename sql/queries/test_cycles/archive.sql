-- Archives a test cycle: no more results are reported to it. The master cycle stays.
-- takes: projectId, least_role, cycle, actor
-- → outcome (allowed | is_master | not_found: also when it is archived already | forbidden | of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :projectId::integer, :least_role, 'alone') p
    where a.outcome = 'allowed'
), archived as (
    update test_cycles y set archived_at = now()
    from project h
    where y.project_id = h.id and y.number = :cycle::integer and y.number > 1 and y.archived_at is null
    returning y.id, y.number, y.name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'test_cycle.archived', 'test_cycle', y.id,
           jsonb_build_object('project', h.number, 'number', y.number, 'name', y.name)
    from archived y, project h, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when h.outcome <> 'allowed' then h.outcome
           when h.id is not null and :cycle::integer = 1 then 'is_master'
           when y.id is null then 'not_found'
           else 'allowed'
       end as outcome
from actor a
left join project h on true
left join archived y on true;
