# SPDX-License-Identifier: MIT
"""What the tests of a lease that cannot be refreshed share.

The share "goes away" when its directory is renamed: whatever ufl asks of it fails, as when a server
is down.
"""

import os
import time

from leases import LEASE, TAKEOVER, LeaseTestCase

# When it is enough that others, who wait for so long, do not run yet.
LATEST = LEASE + TAKEOVER
STAY = "while :; do read line || sleep 0.05; done"  # and take notice of signals
SLEEP = "exec sleep 120"


class StoppingTestCase(LeaseTestCase):
    """Shares that can go away."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("share"))
        self.lock = self.path("share", "lock")

    def lose_share(self, share="share"):
        """Returns when, on the monotonic clock."""
        os.rename(self.path(share), self.path(share + ".away"))
        return time.monotonic()

    def get_share_back(self, share="share"):
        os.rename(self.path(share + ".away"), self.path(share))

    def token(self, share="share.away"):
        return self.read_lock(self.path(share, "lock")).split("\n")[0]
