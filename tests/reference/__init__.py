"""The process once more, written plainly: the oracle of the agreement tests and the rival of the benchmarks."""
