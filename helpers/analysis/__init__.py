"""Reading recorded runs: measures, intervals, comparisons, sweeps, verdicts. Nothing here trains."""
