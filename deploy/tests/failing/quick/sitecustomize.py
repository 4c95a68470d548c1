"""For the scripts under test: nobody waits long for an emulator."""

import time

sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.05))
