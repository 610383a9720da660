"""The public view of an instrument: books, trades, candles, tickers."""
