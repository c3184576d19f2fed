//! `millrace picture`: the data of a domain in one self-contained HTML file: events over time, a heat map of their
//! positions, and the most frequent values.
//!
//! In: a domain, an index pattern, fields. Out: a file. All numbers come from aggregations of the domain; no event is
//! read. Deliberately absent: external scripts, fonts and maps, and the current time, so that the same data give the
//! same bytes.

mod axis;
mod bars;
mod data;
mod filter;
mod grid;
mod heat;
mod page;
mod text;
mod times;

use std::{io, path::PathBuf, time::Duration};

use clap::Args;
use delivery::{aws::Aws, lambda::Deadline};
use operations::{admin::Admin, settings::SetupSettings};

pub use data::{Data, Fields, Indices, Points, Values};
pub use filter::Filter;
pub use grid::Cell;
pub(crate) use page::STYLE;
pub use page::page;
pub use times::Times;

/// The time limit for all requests together.
const PATIENCE: Duration = Duration::from_mins(2);

/// The options of a picture.
#[derive(Debug, Args)]
pub struct PictureOptions {
    /// The domain or cluster; `MILLRACE_DOMAIN_AUTH` sets the authentication [default: none]
    #[arg(long, value_name = "URL")]
    pub domain: String,
    /// The indices, such as logs-*
    #[arg(long, value_name = "PATTERN")]
    pub index: String,
    /// The field with the time (default: `@timestamp`, else the first date field)
    #[arg(long, value_name = "FIELD")]
    pub time: Option<String>,
    /// The field with the points [default: the first with points]
    #[arg(long, value_name = "FIELD")]
    pub geo: Option<String>,
    /// The field whose top values are shown [default: the keyword field with the most values, up to 50]
    #[arg(long, value_name = "FIELD")]
    pub top: Option<String>,
    /// The file to write
    #[arg(long, value_name = "FILE.html", default_value = "picture.html")]
    pub output: PathBuf,
}

/// Queries the domain and writes the file. Returns whether there were any events.
///
/// # Errors
/// The domain refuses or does not answer, or the file cannot be written.
pub async fn draw(options: &PictureOptions) -> io::Result<bool> {
    let settings = SetupSettings::read(|name| match name {
        "MILLRACE_DOMAIN_ENDPOINT" => Some(options.domain.clone()),
        "MILLRACE_DOMAIN_AUTH" => crate::machine::setting(name).or_else(|| Some("none".into())),
        "MILLRACE_DOMAIN_INSECURE" | "MILLRACE_DOMAIN_CA" => crate::machine::setting(name),
        _ if name.starts_with("AWS_ENDPOINT_URL") => crate::machine::setting(name),
        _ => None,
    })
    .map_err(io::Error::other)?;
    let region = crate::machine::setting("AWS_REGION").unwrap_or_else(|| crate::machine::REGION.into());
    let admin = Admin::new(&settings.domain, &Aws::load_in(region).await).map_err(io::Error::other)?;
    let (indices, deadline) = (Indices { pattern: &options.index, may_be_missing: false }, Deadline::after(PATIENCE));
    let top = options.top.iter().cloned().collect();
    let given = Fields { time: options.time.clone(), points: options.geo.clone(), top };
    let fields = given.choose(&admin, indices, &[], 1, deadline).await.map_err(io::Error::other)?;
    let data = Data::ask(&admin, indices, &fields, &Filter::default(), deadline).await.map_err(io::Error::other)?;
    let output = options.output.display();
    std::fs::write(&options.output, page(&data)).map_err(|error| io::Error::other(format!("{output}: {error}")))?;
    eprintln!("{output}: {} of {}", text::events(data.total), data.index);
    Ok(data.total > 0)
}

#[cfg(test)]
mod tests;
