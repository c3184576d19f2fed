//! Configuration: the environment becomes [`settings`] or [`operations`], pipeline.yaml becomes [`datasets`]; both name all faults at once.

pub mod datasets;
pub mod operations;
pub mod settings;
