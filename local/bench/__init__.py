"""What is measured: one module a subject, each with `measure()` -> {key: number}, all taken in one run.

CPU is `process_time` of whole handlers with the SDK ÷ items, everything else in other processes; memory is
`ru_maxrss` of a fresh process; write units are consumed capacity summed; baselines are of the same run.
"""
