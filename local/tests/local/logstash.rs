//! The translation from Logstash against configurations of public bug reports and of an adversary.

#[path = "logstash/cases.rs"]
mod cases;
