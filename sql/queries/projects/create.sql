-- Makes a project under the organization's next number.
-- takes: organization, name, actor
-- → outcome (allowed | not_found: there is no such organization | of acting()) and the project, with its maker's role
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), numbered as (
    update organizations o set next_project_number = o.next_project_number + 1
    from actor a
    where o.id = :organization::bigint and a.outcome = 'allowed'
    returning o.id, o.next_project_number - 1 as number
), made as (
    insert into projects (organization_id, number, name)
    select n.id, n.number, :name from numbered n
    returning id, organization_id, number, name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select m.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'project.created', 'project', m.id,
           jsonb_build_object('number', m.number, 'name', m.name)
    from made m, actor a
)
select case when a.outcome = 'allowed' and m.id is null then 'not_found' else a.outcome end as outcome,
       'PRJ-' || m.number as id, m.name, 'project_admin' as role
from actor a
left join made m on true;
