-- Projects, and the rights of accounts in them.

create table testkase.projects (
    id bigint generated always as identity primary key,
    organization_id bigint not null references testkase.organizations,
    number integer not null check (number > 0),
    name text not null check (char_length(name) between 1 and 100),
    created_at timestamptz not null default now(),
    unique (organization_id, number),
    unique (organization_id, id)
);

grant select on testkase.projects to testkase_server;
grant insert (organization_id, number, name) on testkase.projects to testkase_server;

-- Owners and admins of the organization are project admins of every project, without a row here. organization_id is part of
-- both foreign keys, so that a member and a project always belong to the same organization.
create table testkase.project_members (
    project_id bigint not null,
    user_id bigint not null,
    organization_id bigint not null,
    role text not null check (role in ('project_admin', 'user', 'guest')),
    created_at timestamptz not null default now(),
    primary key (project_id, user_id),
    foreign key (organization_id, project_id) references testkase.projects (organization_id, id),
    foreign key (organization_id, user_id) references testkase.users (organization_id, id)
);

create index project_members_user_idx on testkase.project_members (user_id, project_id);

grant select, delete on testkase.project_members to testkase_server;
grant insert (project_id, user_id, organization_id, role) on testkase.project_members to testkase_server;
grant update (role) on testkase.project_members to testkase_server;

-- The project with this number in an organization, for a caller who needs at least `least_role` in it (guest < user <
-- project_admin). No row when the caller may not see such a project. With a lower role the outcome is `forbidden` and the id is
-- null, so that a statement that ignores the outcome finds nothing to change; otherwise the outcome is `allowed`. `role` is the
-- caller's role. PostgreSQL inlines the function, so a statement is planned as if this text were part of it.
create function testkase.project_for(organization bigint, caller bigint, project_number integer, least_role text)
    returns table (id bigint, number integer, name text, role text, outcome text)
    language sql stable parallel safe rows 1
begin atomic
    select case when access.is_enough then p.id end, p.number, p.name, access.role,
           case when access.is_enough then 'allowed' else 'forbidden' end
    from testkase.users u
    join testkase.projects p on p.organization_id = u.organization_id and p.number = project_number
    left join testkase.project_members m on m.project_id = p.id and m.user_id = u.id
    cross join lateral (
        select r.role, array_position(r.ranks, r.role) >= array_position(r.ranks, least_role) as is_enough
        from (select case when u.org_role in ('owner', 'admin') then 'project_admin' else m.role end as role,
                     array['guest', 'user', 'project_admin'] as ranks) r
    ) access
    where u.id = caller and u.organization_id = organization and u.status = 'active' and access.role is not null;
end;

grant execute on function testkase.project_for(bigint, bigint, integer, text) to testkase_server;
