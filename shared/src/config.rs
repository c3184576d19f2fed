//! Configuration: the environment becomes [`settings`], [`operations`] or [`deployment`], pipeline.yaml becomes [`datasets`]; both name all faults at once.

pub mod datasets;
pub mod deployment;
pub mod operations;
pub mod settings;
pub mod stack;
