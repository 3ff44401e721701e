"""From results, or from theory, to statements: calibration, survival, competing risks."""
