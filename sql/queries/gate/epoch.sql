-- The current epoch, for the requests that have arrived. States that were read under the same epoch still hold. Binary result.
-- → epoch, PostgreSQL's time, the transaction that made the epoch: after a restore, another transaction may reach the number
select epoch, now(), xmin
from auth_epoch;
