-- Takes leases of tokens' rates and gives them back, as lease_rates() says.
-- connection: writers
-- takes: tokens, wanted, returned, windows, used, ages, debts, quota, burst, servers
-- the first seven are arrays as text; ages, debts and times are in µs
-- → token, calls taken, calls left of the quota for everybody, the window, µs until it ends, µs until calls are left again.
--   Binary result.
select l.token, l.taken, l.pool, l.window_us, l.window_left_us, l.wait_us
from lease_rates(:tokens::text::bigint[], :wanted::text::bigint[], :returned::text::bigint[], :windows::text::bigint[],
                 :used::text::bigint[], :ages::text::bigint[], :debts::text::bigint[], :quota::bigint, :burst::bigint,
                 :servers::bigint) l;
