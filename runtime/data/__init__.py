"""From files of data to batches: columns, splits, fitted preprocessing."""
