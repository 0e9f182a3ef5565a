"""Slipway: the product-engineering loop as one serverless deployment."""
