"""integration/test_activity.py on a cluster with odd defaults."""

from integration.test_activity import *
