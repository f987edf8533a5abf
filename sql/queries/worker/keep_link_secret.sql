-- Keeps the digest of a secret that a mail is about to carry.
-- takes: id, digest
-- id: of the mail
-- → true; no row when its link is not valid any more
insert into password_link_secrets (digest, link_id)
select :digest::bytea, l.id
from password_links l
join users u on u.id = l.user_id and u.status = 'active' and u.session_generation = l.user_generation
where l.mail_id = :id::uuid and l.expires_at > now()
returning true;
