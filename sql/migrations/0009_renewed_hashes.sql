-- Hashes at another cost: when the configured cost of argon2 has changed, the server renews a hash as soon as its secret has
-- been proven again.

-- A hash may give way to one of another cost, of the same secret, while its token lives: the server makes it when the secret
-- has just been proven. What is compared is the algorithm with its parameters, the third and fourth part of the encoded form.
create or replace function testkase.api_tokens_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if new.id <> old.id or new.user_id <> old.user_id or new.owner_generation <> old.owner_generation
       or new.lookup_id <> old.lookup_id or new.preview <> old.preview or new.name <> old.name
       or new.expires_in_days <> old.expires_in_days or new.created_at <> old.created_at
       or new.expires_at <> old.expires_at or new.rotate_at <> old.rotate_at
       or new.predecessor_id is distinct from old.predecessor_id then
        raise exception 'a token cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_immutable';
    end if;
    if new.secret_hash is distinct from old.secret_hash
       and (new.secret_hash is null and new.ended_at is not null) is not true
       and (old.ended_at is null and new.ended_at is null
            and split_part(new.secret_hash, '$', 4) <> split_part(old.secret_hash, '$', 4)) is not true then
        raise exception 'a token''s hash can only be renewed at another cost, or erased when the token ends'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_hash_immutable';
    end if;
    if old.ended_at is not null
       and (new.ended_at is distinct from old.ended_at or new.ended_reason is distinct from old.ended_reason
            or new.ended_by is distinct from old.ended_by) then
        raise exception 'a token that has ended stays so'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_end_is_final';
    end if;
    return new;
end
$$;

-- A password's hash, too, may give way to one of another cost; unlike a new password, that ends no session.
create or replace function testkase.users_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if new.id <> old.id or new.organization_id <> old.organization_id or new.kind <> old.kind
       or new.created_at <> old.created_at then
        raise exception 'an account''s id, organization and kind cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'users_immutable';
    end if;
    if old.status = 'deleted' and new.status <> 'deleted' then
        raise exception 'a deleted account cannot return'
            using errcode = 'integrity_constraint_violation', constraint = 'users_deleted_is_final';
    end if;
    if new.credential_generation < old.credential_generation or new.session_generation < old.session_generation then
        raise exception 'a generation never goes back'
            using errcode = 'integrity_constraint_violation', constraint = 'users_generation_grows';
    end if;
    if new.status <> old.status then
        new.status_changed_at := now();
        if new.status <> 'active' then
            new.credential_generation := old.credential_generation + 1;
            new.session_generation := old.session_generation + 1;
        end if;
        if new.status = 'deleted' then
            new.password_hash := null;
        end if;
    elsif new.password_hash is distinct from old.password_hash
          and new.session_generation = old.session_generation
          and (current_setting('testkase.renewed_user', true) = old.id::text
               and split_part(new.password_hash, '$', 4) <> split_part(old.password_hash, '$', 4)) is not true then
        new.session_generation := old.session_generation + 1;
    end if;
    return new;
end
$$;

-- Replaces the hash of a password that has just been proven by one at another cost; true when it did.
create function testkase.renew_password_hash(of_user bigint, old_hash text, new_hash text) returns boolean
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    renewed boolean;
begin
    perform set_config('testkase.renewed_user', of_user::text, true);
    update users set password_hash = new_hash
    where id = of_user and password_hash = old_hash and status = 'active'
      and split_part(new_hash, '$', 4) <> split_part(old_hash, '$', 4);
    renewed := found;
    perform set_config('testkase.renewed_user', '', true);
    return renewed;
end
$$;

grant execute on function testkase.renew_password_hash(bigint, text, text) to testkase_server;
