-- Whether the epoch has its row, and the changes recorded for it are not of a later one.
-- → finding
select 'the row of testkase.auth_epoch is missing, so no token is accepted' as finding
where not exists (select from auth_epoch)
union all
select format('testkase.auth_changes records epoch %s, later than the epoch, %s', max(c.epoch), max(e.epoch))
from auth_changes c
cross join auth_epoch e
having max(c.epoch) > max(e.epoch);
