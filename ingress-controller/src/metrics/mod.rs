//! Counts of what happens, in the text format of Prometheus.
