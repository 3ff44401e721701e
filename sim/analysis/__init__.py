"""From results, or from theory, to statements: calibration now; survival, attribution and sensitivity later."""
