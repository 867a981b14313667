"""Limits of the process tree, unit last."""

READY_TIMEOUT_S = 60.0
READY_ANSWER_TIMEOUT_S = 2.0
READY_POLL_S = 0.05
STOP_GRACE_S = 10.0
KILL_GRACE_S = 5.0
IDLE_POLL_S = 1.0
SAME_PRESS_S = 0.5
"""Signals closer than this are one press of Ctrl-C that reached us twice, as under a wrapper that forwards it."""
LOCK_RETRY_S = 1.0
LOCK_POLL_S = 0.05
SETTLED_POLL_S = 0.2
LAST_OUTPUT_WAIT_S = 0.5
LAST_LINES_COUNT = 20
LOG_LINE_BYTES = 16 * 1024
LOG_FILE_BYTES = 5 * 1024 * 1024
LOG_FILES_COUNT = 4
EXIT_SIGNAL_BASE = 128
