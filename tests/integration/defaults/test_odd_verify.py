"""integration/test_verify.py on a cluster with odd defaults."""

from integration.test_verify import *
