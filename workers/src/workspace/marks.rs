//! Which hosts a data folder belongs to: a file for each, in the folder itself.
//!
//! Two machines may both have a folder of the same path, and one machine may not see the other's. Only the marks tell
//! whether the folder that is seen here is the one that a host's bots live in.

use super::{Workspaces, blocking};
use clawplane_domain::HostId;
use std::io;

/// No bot's id.
const MARKS: &str = ".clawplane-hosts";

impl Workspaces {
    /// Makes the folder ready for `host`, which this process leads from now on.
    pub async fn prepare_host(&self, host: HostId) -> io::Result<()> {
        self.clear_cut_off(host).await?;
        self.mark(host).await
    }

    /// Says that this is the folder of `host`.
    pub async fn mark(&self, host: HostId) -> io::Result<()> {
        let folder = self.root.join(MARKS);
        blocking(move || {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(host.to_string()), b"")
        })
        .await
    }

    /// Whether this is the folder of `host`.
    pub async fn is_of(&self, host: HostId) -> bool {
        let mark = self.root.join(MARKS).join(host.to_string());
        blocking(move || std::fs::exists(mark)).await.unwrap_or(false)
    }
}
