-- Makes a project under the organization's next number.
-- takes: organization, name, actor
-- → the project; no row when there is no such organization
with numbered as (
    update organizations set next_project_number = next_project_number + 1
    where id = :organization::bigint
    returning id, next_project_number - 1 as number
), made as (
    insert into projects (organization_id, number, name)
    select n.id, n.number, :name from numbered n
    returning id, organization_id, number, name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select m.organization_id, (:actor::text::actor).*, 'project.created', 'project', m.id,
           jsonb_build_object('number', m.number, 'name', m.name)
    from made m
)
select 'PRJ-' || number as id, name from made;
