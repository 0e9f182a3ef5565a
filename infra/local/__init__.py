"""Slipway on the laptop: the embedded AWS, the same app deployed into it, a month of data, one port in front."""
