//! `millrace audit`: the objects under a prefix without a final receipt.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
};

use delivery::{aws::Aws, settings::s3_url};
use millrace::check;
use operations::audit::{Counts, Ledger, ObjectStatus, audit as compare};
use serde_json::json;

use super::rules_file::own_pipeline;

/// Whether every object that a dataset takes has a final receipt that balances. Each finding is printed at once.
pub(crate) async fn audit(
    place: &str,
    receipts: &[PathBuf],
    pipeline: Option<PathBuf>,
    as_json: bool,
) -> io::Result<bool> {
    let (bucket, prefix) =
        s3_url(place).ok_or_else(|| io::Error::other(format!("`{place}` is not accepted: give s3://bucket/prefix")))?;
    let datasets = check::datasets(&own_pipeline(pipeline)).map_err(io::Error::other)?;
    let mut ledger = Ledger::new(bucket, prefix);
    for file in receipts {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
        if file == Path::new("-") {
            ledger.read(io::stdin().lock()).map_err(named)?;
        } else {
            ledger.read(BufReader::new(File::open(file).map_err(named)?)).map_err(named)?;
        }
    }
    if ledger.receipts == 0 {
        eprintln!(
            "no receipt of an object under {place}, and {} of other objects: check that this is the log of s3-ingest",
            ledger.others
        );
    }
    let aws = Aws::load().await;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    let mut is_first = true;
    if as_json {
        write!(out, "{{\"objects\": [")?;
    }
    let counts = compare(&aws.objects, &datasets, &ledger, |object, status| {
        if written.is_err() {
            return;
        }
        let key = &object.key;
        written = if as_json {
            let comma = if std::mem::take(&mut is_first) { "" } else { "," };
            write!(
                out,
                "{comma}\n  {}",
                json!({ "key": key, "fate": status, "size": object.size, "etag": object.etag })
            )
        } else {
            writeln!(out, "{:<12}  s3://{bucket}/{key}", word(status))
        };
    })
    .await;
    written?;
    let counts = counts.map_err(|error| io::Error::other(error.to_string()))?;
    if as_json {
        writeln!(out, "\n], \"receipts\": {}, \"counts\": {}}}", ledger.receipts, serde_json::to_string(&counts)?)?;
    } else {
        writeln!(out, "{}", summary(&counts, ledger.receipts))?;
    }
    out.flush()?;
    Ok(counts.without() == 0)
}

fn word(status: ObjectStatus) -> &'static str {
    match status {
        ObjectStatus::NoDataset => "no dataset",
        ObjectStatus::NoReceipt => "no receipt",
        ObjectStatus::NotFinal => "not final",
        ObjectStatus::Unbalanced => "unbalanced",
        ObjectStatus::Replaced => "replaced",
        ObjectStatus::Final => "final",
    }
}

fn summary(counts: &Counts, receipts: u64) -> String {
    let Counts { objects, settled, no_dataset, no_receipt, not_final, unbalanced, replaced } = counts;
    format!(
        "{objects} objects, {receipts} receipts: {settled} final, {no_dataset} of no dataset, {no_receipt} without a receipt, \
         {not_final} without a final one, {unbalanced} that do not balance, {replaced} with receipts of another content"
    )
}
