"""Simulates a trace with libCacheSim, one run for each line of standard input.

Arguments: the policy's class in the package `libcachesim` (0.3.5), the capacity in objects, the trace (oracleGeneral).
Prints for each run: nanoseconds a request, misses, requests, nanoseconds in all.
"""

import sys
import time

import libcachesim

policy, capacity, trace = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for _ in sys.stdin:
    start = time.perf_counter_ns()
    reader = libcachesim.TraceReader(
        trace=trace,
        trace_type=libcachesim.TraceType.ORACLE_GENERAL_TRACE,
        reader_init_params=libcachesim.ReaderInitParam(ignore_obj_size=True),
    )
    cache = getattr(libcachesim, policy)(cache_size=capacity)
    miss_ratio, _ = cache.process_trace(reader)
    elapsed = time.perf_counter_ns() - start
    requests = reader.get_num_of_req()
    misses = round(miss_ratio * requests)
    print(elapsed / requests, misses, requests, elapsed, flush=True)
