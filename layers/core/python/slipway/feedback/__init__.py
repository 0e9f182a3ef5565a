"""Feedback: what people who use a product tell its team, and what becomes of it. The names of its parts are its modules."""
