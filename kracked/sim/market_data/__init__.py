"""What the public sees of an instrument: books, trades, candles, tickers."""
