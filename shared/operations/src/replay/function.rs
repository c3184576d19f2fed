//! The function `replay`: its settings, rules and clients. The steps of its work are methods in other files.

use super::progress::{Phase, Progress, name, stopped};
use crate::{
    admin::{Admin, index::Index},
    error::{Error, Refused},
    functions::Functions,
    settings::ReplaySettings,
    setup::template::{self, Template},
    sources::Sources,
    startup::begin,
};
use delivery::{
    aws::{
        Aws,
        state::{State, States},
    },
    settings::variable,
};
use pipeline::{outcome::ConfigError, rules::Datasets};

/// The function `replay`.
#[derive(Debug)]
pub struct Replay {
    pub(super) settings: ReplaySettings,
    pub(super) aws: Aws,
    pub(super) admin: Admin,
    pub(super) datasets: Datasets,
    pub(super) templates: Vec<Template>,
    pub(super) functions: Functions,
    pub(super) sources: Sources,
    pub(super) states: States,
}

impl Replay {
    /// Reads the environment of the process and the pipeline.yaml that it names.
    ///
    /// # Errors
    /// All faults of both at once. The initialisation fails with them.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = ReplaySettings::read(variable)?;
        let (aws, admin, datasets) = begin(&settings.domain).await?;
        let templates = template::beside(&datasets, &(&settings.domain).into(), &settings.domain.pipeline)?;
        let states = States::new(aws.objects.clone(), settings.state.clone());
        let names = settings.source_functions.clone();
        let functions = Functions::new(&aws);
        let stack = settings.domain.stack.mark().to_owned();
        let sources = Sources::new(functions.clone(), states.clone(), names, stack);
        Ok(Self { settings, aws, admin, datasets, templates, functions, sources, states })
    }

    /// Loads a replay that was begun before.
    ///
    /// # Errors
    /// No replay has this id, or its state cannot be read.
    pub async fn known(&self, id: &str) -> Result<State<Progress>, Error> {
        let missing = || format!("there is no replay `{id}`: the answer to the request that began a replay has its id");
        let state = self.states.read(&name(id)).await?;
        state.ok_or_else(|| Refused(missing()).into())
    }

    /// Loads a replay to continue it.
    ///
    /// # Errors
    /// As [`Self::known`]; or it was stopped. Then the response says what is missing.
    pub async fn to_continue(&self, id: &str) -> Result<State<Progress>, Error> {
        let state = self.known(id).await?;
        if state.value.phase == Phase::Stopped { Err(Refused(stopped(&state.value)).into()) } else { Ok(state) }
    }

    /// Whether an index was created under this stack's template, or adopted later.
    pub(super) fn owns(&self, index: &Index) -> bool {
        self.settings.domain.stack.owns(index)
    }
}
