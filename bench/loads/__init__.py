"""Load generators. Each takes a `Site` and a time, runs on the load's cores, and gives a `Sample`."""
