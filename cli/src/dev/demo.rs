//! The demo vendor's place in the data directory: its port and its key stay over restarts, as a provider
//! key with its address is stored in the platform.

use super::{DataDir, DevError, error::file, files, ports};
use crate::demo_vendor::DemoVendor;
use clawplane_domain::{Secret, clock::Ids};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Starts the demo vendor on the port and with the key of the last time, as far as the port is free.
pub async fn start_demo(
    data: &DataDir,
    ids: &dyn Ids,
    shutdown: CancellationToken,
) -> Result<DemoVendor, DevError> {
    let key_file = data.file("demo.key");
    let key = match files::read_small(&key_file)? {
        Some(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => {
            let key = format!("demo-{}", hex::encode(ids.random()));
            files::write_private(&key_file, format!("{key}\n").as_bytes(), None)?;
            key
        }
    };
    let listener = ports::remembered(&data.file("demo.port"))?;
    file("listen on", Path::new("127.0.0.1"), DemoVendor::serve(listener, Secret::new(key), shutdown))
}
