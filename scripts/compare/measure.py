"""Runs a command to its end, and prints its CPU seconds (user and system) and its peak memory in bytes as one line of JSON.

The kernel counts for a process that it ended; /proc no longer has its memory then.
"""
import json
import os
import sys


def main():
    process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        sys.exit(f"{sys.argv[1]} ended with {os.waitstatus_to_exitcode(status)}")
    print(json.dumps({"cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_memory_bytes": usage.ru_maxrss * 1024}))


main()
