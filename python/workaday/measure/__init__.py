"""What was measured: counters of one request or job, histograms, and the hand-over to the supervisor."""
