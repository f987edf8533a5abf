"""integration/test_session.py on a cluster with odd defaults."""

from integration.test_session import *
