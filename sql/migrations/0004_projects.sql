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

grant select, insert on testkase.projects to testkase_server;

-- Owners and admins of the organization are project admins of every project, without a row here. organization_id stands in
-- both foreign keys, so that a member and a project are always of the same organization.
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

grant select, insert, delete on testkase.project_members to testkase_server;
grant update (role) on testkase.project_members to testkase_server;
