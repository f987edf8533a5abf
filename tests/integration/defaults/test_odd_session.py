"""integration/test_session.py on a cluster with odd defaults."""

from integration.test_session import *

del test_an_unknown_address_imitates_the_cost_of_one_account  # it speaks to PostgreSQL itself, as a role with these defaults
