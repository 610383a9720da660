"""Commands that read a recording: check, replay, bars, convert, export, odds, schema."""
