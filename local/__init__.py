"""The cloud on this machine: engine, deploy, simulated carrier, demo, chaos, bench. Never shipped."""
