"""integration/test_users.py on a cluster with odd defaults."""

from integration.test_users import *
