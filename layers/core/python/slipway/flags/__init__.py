"""Feature flags: what a flag answers, how its rules are read, checked and rendered."""
