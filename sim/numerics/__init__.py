"""Numbers without biology: compiled loops, keyed random numbers, samplers, histograms."""
