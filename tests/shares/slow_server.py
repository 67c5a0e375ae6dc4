# SPDX-License-Identifier: MIT
"""slow_server.py SECONDS SERVER: an SFTP server at the end of a slow line. Whatever it is asked
arrives SECONDS later; what it answers goes at once.
"""

import os
import subprocess
import sys
import time

seconds, server = float(sys.argv[1]), sys.argv[2]
with subprocess.Popen([server], stdin=subprocess.PIPE, bufsize=0) as process:
    while True:
        asked = os.read(0, 1 << 16)
        if not asked:
            break
        time.sleep(seconds)
        process.stdin.write(asked)
    process.stdin.close()
