"""`kracked watch`: alerts of a market without a screen."""
