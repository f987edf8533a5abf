-- Whether the clock is behind what it was when the database was written: then tokens live longer.
-- → finding
select format('the latest audit event is of %s, and PostgreSQL''s clock says %s', rfc3339(max(e.occurred_at)), rfc3339(now()))
           as finding
from audit_events e
having max(e.occurred_at) > clock_timestamp() + interval '5 seconds';
