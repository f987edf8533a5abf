-- The epoch now, for the requests that have arrived: what was known under the same one still holds. Binary result.
-- → epoch, PostgreSQL's time, the transaction that made it: after a restore, the number may be reached again by another
select epoch, now(), xmin
from auth_epoch;
