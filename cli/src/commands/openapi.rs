//! `clawplane openapi`: the API's document, as it is committed.

use std::io::{self, Write};

/// Prints the document.
pub(super) fn run() -> anyhow::Result<()> {
    let document = clawplane_api::openapi().to_pretty_json()?;
    writeln!(io::stdout().lock(), "{document}")?;
    Ok(())
}
