-- Takes mails that are due, each for two minutes, in their order. A mail to somebody who has left since, or who wants no
-- such mails any more, is not sent, nor one whose link to set a password is not valid any more.
-- takes: limit
-- → of each: its id, the number of the attempt, the address and the name of its reader, kind, subject, the secret with which
--   mails of this kind are stopped, whether it carries a link that sets a password, and the items as JSON:
--   [{"heading", "sentences": [], "path"}]
with due as (
    select m.id, u.email, u.name, case m.kind when 'digest' then w.digest_secret else w.unsubscribe_secret end as secret,
           u.status = 'active' and case m.kind when 'reminder' then w.reminders
                                               when 'digest' then w.weekly_digest and u.org_role in ('owner', 'admin')
                                               else true end
           and (not m.carries_link or exists (select from password_links l
                                              where l.mail_id = m.id and l.expires_at > now()
                                                and l.user_generation = u.session_generation)) as is_wanted
    from mails m
    join users u on u.id = m.user_id
    join mail_wishes w on w.user_id = m.user_id
    where m.state = 'queued' and m.attempt_at <= now() and (m.leased_until is null or m.leased_until <= now())
    order by m.attempt_at, m.sequence
    limit :limit::integer
    for update of m skip locked
), dropped as (
    update mails m set state = 'parked', ended_at = now(), error = 'no longer wanted'
    from due d
    where m.id = d.id and not d.is_wanted
), taken as (
    update mails m set leased_until = now() + interval '2 minutes', attempts = m.attempts + 1
    from due d
    where m.id = d.id and d.is_wanted
    returning m.id, m.attempts, m.sequence, m.kind, m.subject, m.carries_link
)
select t.id, t.attempts as attempt, d.email as address, d.name, t.kind, t.subject, d.secret, t.carries_link,
       (select json_agg(json_build_object('heading', i.heading, 'sentences', i.sentences, 'path', i.path) order by i.position)
        from mail_items i
        where i.mail_id = t.id) as items
from taken t
join due d on d.id = t.id
order by t.sequence;
