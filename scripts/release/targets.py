"""The targets whose crates are in a release."""

# The targets of the release, and the one that has isal-sys, whose sources are in the functions (ADR 23).
TARGETS = ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu", "x86_64-unknown-none")
