-- The epoch now, for the requests that have arrived: what was read under the same epoch still holds. Binary result.
-- → epoch, PostgreSQL's time
select epoch, now()
from auth_epoch;
