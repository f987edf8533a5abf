-- The workers' heartbeats, and the views that dashboards read as role testkase_ops. No view of schema ops shows a hash, a look-up
-- id, a password or a session.

create table testkase.worker_heartbeats (
    worker text primary key check (char_length(worker) between 1 and 200),
    version text not null,
    started_at timestamptz not null default now(),
    beat_at timestamptz not null default now()
);

grant select, insert, update, delete on testkase.worker_heartbeats to testkase_worker;

create view ops.tokens as
    select t.id, u.organization_id, t.user_id, u.email as owner_email, u.kind as owner_kind, t.name, t.expires_in_days,
           t.created_at, t.expires_at, t.rotate_at, coalesce(s.ended_reason, 'active') as state, s.ended_at,
           l.used_at as last_used_at
    from testkase.api_tokens t
    join testkase.api_token_states s on s.id = t.id
    join testkase.users u on u.id = t.user_id
    left join testkase.api_token_last_used l on l.token_id = t.id;

comment on view ops.tokens is 'Every token with its owner and state: active, or the reason why it ended.';
grant select on ops.tokens to testkase_ops;

create view ops.workers as
    select worker, version, started_at, beat_at, now() - beat_at as silent_for
    from testkase.worker_heartbeats;

comment on view ops.workers is
    'Workers and when each last reported; testkase-admin status treats 60 seconds without a report as an outage.';
grant select on ops.workers to testkase_ops;

create view ops.schema as
    select version, name, applied_at from testkase.schema_migrations;

comment on view ops.schema is 'Migrations applied, in order of version.';
grant select on ops.schema to testkase_ops;
