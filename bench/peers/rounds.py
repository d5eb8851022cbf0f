# SPDX-License-Identifier: Apache-2.0
"""What interleaved rounds of a bench gave, summed up: the median and how far they lie apart."""
import statistics


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "rounds": [round(v, 4) for v in values]}
