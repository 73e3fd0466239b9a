"""Where the functions find the simulation that is under way in this process."""

from typing import Any


class Here:
    """`cloud` is the current `tests.simulation.system.cloud.Cloud`."""

    cloud: Any = None


HERE = Here()
