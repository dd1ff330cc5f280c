"""What the benchmarks share: taking turns, the sessions they work on, servers, tables."""
