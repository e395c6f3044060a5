"""The domain of Wangge: frames in, frames out; no web, no clock, no global randomness."""
