"""Column functions: kernels over Arrow buffers and the pure functions behind them; no stage, no file."""
