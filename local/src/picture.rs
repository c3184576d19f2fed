//! `local picture`: what lies in a domain, as one HTML file that needs nothing else: events over time, a heat map of where they
//! were, and the values that are most frequent.
//!
//! In: a domain, an index pattern, fields. Out: a file. All numbers are the domain's own aggregations; no event is read.
//! Deliberately absent: scripts, fonts and maps from elsewhere, and the clock: the same data give the same bytes.

mod axis;
mod bars;
mod data;
mod heat;
mod page;

use std::{io, path::PathBuf, time::Duration};

use clap::Args;
use delivery::{aws::Aws, lambda::Deadline};
use operations::{admin::Admin, settings::SetupSettings};

pub use data::{Cell, Data, Fields, Points, Times, Values};
pub use page::page;

/// For all questions together.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a picture is made of.
#[derive(Debug, Args)]
pub struct PictureOptions {
    /// The domain or cluster; `MILLRACE_DOMAIN_AUTH` says how it is spoken to [default: none]
    #[arg(long, value_name = "URL")]
    pub domain: String,
    /// The indices, such as logs-*
    #[arg(long, value_name = "PATTERN")]
    pub index: String,
    /// The field with the time (default: `@timestamp`, else the first with a date)
    #[arg(long, value_name = "FIELD")]
    pub time: Option<String>,
    /// The field with the points [default: the first with points]
    #[arg(long, value_name = "FIELD")]
    pub geo: Option<String>,
    /// The field whose top values are shown [default: a keyword of the most values, up to 50]
    #[arg(long, value_name = "FIELD")]
    pub top: Option<String>,
    /// Where the picture goes
    #[arg(long, value_name = "FILE.html", default_value = "picture.html")]
    pub output: PathBuf,
}

/// Asks the domain, and writes the file; whether there was anything to see.
///
/// # Errors
/// The domain refuses or does not answer, or the file cannot be written.
pub async fn draw(options: &PictureOptions) -> io::Result<bool> {
    let settings = SetupSettings::read(|name| match name {
        "MILLRACE_DOMAIN_ENDPOINT" => Some(options.domain.clone()),
        "MILLRACE_DOMAIN_AUTH" => crate::machine::setting(name).or_else(|| Some("none".into())),
        "MILLRACE_DOMAIN_INSECURE" => crate::machine::setting(name),
        _ => None,
    })
    .map_err(io::Error::other)?;
    let region = crate::machine::setting("AWS_REGION").unwrap_or_else(|| crate::machine::REGION.into());
    let admin = Admin::new(&settings.domain, &Aws::load_in(region).await).map_err(io::Error::other)?;
    let chosen = Fields { time: options.time.clone(), points: options.geo.clone(), top: options.top.clone() };
    let data = Data::ask(&admin, &options.index, chosen, Deadline::after(PATIENCE)).await.map_err(io::Error::other)?;
    let output = options.output.display();
    std::fs::write(&options.output, page(&data)).map_err(|error| io::Error::other(format!("{output}: {error}")))?;
    eprintln!("{output}: {} of {}", page::events(data.total), data.index);
    Ok(data.total > 0)
}

#[cfg(test)]
mod tests;
