"""integration/test_worker.py on a cluster with odd defaults."""

from integration.test_worker import *
