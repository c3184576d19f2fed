//! Configuration: the environment becomes [`settings`], pipeline.yaml becomes [`datasets`]; both name all faults at once.

pub mod datasets;
pub mod settings;
