-- Records what came of an attempt to send a mail. After a failure that may pass, the next attempt is a minute later, then two,
-- four, up to an hour; after three days the mail is parked, as it is at once when the server refuses it for good.
-- The lease may have run out meanwhile, and another worker be at it: then only the end is recorded that the receiver has it.
-- takes: id, attempt, outcome, status, retryAfter, error
-- outcome: sent | try_again | refused; status: of SMTP, 0 for none; retryAfter: seconds, 0 for none
-- → whether the mail was waiting for it
update mails m
set leased_until = null, status = nullif(:status::integer, 0), error = nullif(:error, ''),
    state = s.state, ended_at = case when s.state <> 'queued' then now() end,
    attempt_at = now() + greatest(:retryAfter::integer, least(3600, 60 * 2 ^ least(m.attempts - 1, 10)) * (0.75 + random() / 4))
                         * interval '1 second'
from (select n.id, case
                 when :outcome = 'sent' then 'sent'
                 when :outcome = 'refused' or n.created_at < now() - interval '3 days' then 'parked'
                 else 'queued'
             end as state
      from mails n where n.id = :id::uuid) s
where m.id = s.id and m.state = 'queued' and (m.attempts = :attempt::integer or s.state = 'sent')
returning true;
