-- The calendar feed of a person: when tokens are due and when they expire.
-- oldest-program: 14

-- The address of a feed is a secret of its own, which shows the feed and nothing else. Only its digest is kept. It dies with the
-- account's credentials.
create table testkase.calendar_feeds (
    user_id bigint primary key references testkase.users,
    digest bytea not null unique check (octet_length(digest) = 32),
    user_generation integer not null,
    created_at timestamptz not null default now()
);

create function testkase.calendar_feeds_stamp() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    select u.credential_generation into new.user_generation from users u where u.id = new.user_id;
    new.created_at := now();
    return new;
end
$$;

create trigger calendar_feeds_stamp before insert or update on testkase.calendar_feeds
    for each row execute function testkase.calendar_feeds_stamp();

grant select, delete on testkase.calendar_feeds to testkase_server;
grant insert (user_id, digest), update (digest) on testkase.calendar_feeds to testkase_server;
