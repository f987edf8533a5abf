-- The workers' heartbeats.

create table testkase.worker_heartbeats (
    worker text primary key check (char_length(worker) between 1 and 200),
    version text not null,
    started_at timestamptz not null default now(),
    beat_at timestamptz not null default now()
);

grant select, insert, update, delete on testkase.worker_heartbeats to testkase_worker;
