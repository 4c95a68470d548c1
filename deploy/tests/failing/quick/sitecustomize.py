"""Shortens the waits of the scripts under test, because an emulator is fast."""

import time

sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.05))
