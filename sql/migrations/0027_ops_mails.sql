-- What dashboards see of the mails to people.
-- oldest-program: 14

create view ops.mails as
    select m.organization_id, o.name as organization, m.kind, m.state, count(*)::bigint as mails,
           min(m.created_at) as oldest_at, max(m.created_at) as newest_at,
           (count(*) filter (where m.error is not null))::bigint as failed,
           (array_agg(m.status order by m.sequence desc) filter (where m.error is not null))[1] as last_status,
           (array_agg(m.error order by m.sequence desc) filter (where m.error is not null))[1] as last_error
    from testkase.mails m
    join testkase.organizations o on o.id = m.organization_id
    group by m.organization_id, o.name, m.kind, m.state;

comment on view ops.mails is 'Mails of the last 30 days, for each organization, kind and state.';
comment on column ops.mails.organization_id is 'Id of the organization.';
comment on column ops.mails.organization is 'Name of the organization.';
comment on column ops.mails.kind is 'Why they are sent, for example reminder or security.';
comment on column ops.mails.state is 'queued: waits for its next attempt; sent; parked: given up.';
comment on column ops.mails.mails is 'Number of mails.';
comment on column ops.mails.oldest_at is 'When the oldest of them was made.';
comment on column ops.mails.newest_at is 'When the newest of them was made.';
comment on column ops.mails.failed is 'Number of those whose last attempt failed.';
comment on column ops.mails.last_status is 'Status of SMTP of the newest of these; null: there was no answer.';
comment on column ops.mails.last_error is 'What went wrong then.';

grant select on ops.mails to testkase_ops;
