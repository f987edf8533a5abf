-- Makes a project under the organization's next number.
-- $1 organization id, $2 name, $3 actor kind, $4 actor user id, $5 actor token id, $6 request id, $7 address
-- → project id, number, name; no row when there is no such organization
with numbered as (
    update organizations set next_project_number = next_project_number + 1
    where id = $1::bigint
    returning id, next_project_number - 1 as number
), made as (
    insert into projects (organization_id, number, name)
    select n.id, n.number, $2 from numbered n
    returning id, organization_id, number, name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select m.organization_id, $3, $4::bigint, $5::bigint, 'project.created', 'project', m.id, $6, $7::inet,
           jsonb_build_object('number', m.number, 'name', m.name)
    from made m
)
select id, number, name from made;
