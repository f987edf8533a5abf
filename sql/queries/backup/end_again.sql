-- Ends again what these events of the audit log say has ended; see end_again().
-- takes: events
-- events: an array, as JSON
-- → of each event: action, id, name and outcome
select e.action, e.id, e.name, e.outcome
from end_again(:events::json) e;
