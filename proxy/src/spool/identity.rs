//! Who this proxy is: an id for ever, and an epoch for each start.

use clawplane_domain::clock::{Clock, Ids};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};
use uuid::Uuid;

const FILE: &str = "identity.json";

/// What is kept between starts.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    proxy_id: Uuid,
    epoch: u64,
}

impl Stored {
    fn read(dir: &Path) -> io::Result<Option<Self>> {
        match fs::read(dir.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn stream(&self) -> String {
        format!("{}:{}", self.proxy_id.hyphenated(), self.epoch)
    }
}

/// The stream of an epoch, for a segment whose own head cannot be read.
pub(super) fn stream_of(dir: &Path, epoch: u64) -> io::Result<Option<String>> {
    Ok(Stored::read(dir)?.map(|stored| Stored { epoch, ..stored }.stream()))
}

/// One start of one proxy.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) epoch: u64,
    /// `<proxy id>:<epoch>`.
    pub(super) stream: String,
}

impl Identity {
    /// The next epoch, stored before it is used: no stream is ever written by two starts.
    ///
    /// The epoch is at least the time in milliseconds, so that a folder that was put back from a copy does not
    /// use an epoch again.
    pub(super) fn next(dir: &Path, clock: &dyn Clock, ids: &dyn Ids) -> io::Result<Self> {
        let path = dir.join(FILE);
        let stored = Stored::read(dir)?.unwrap_or_else(|| Stored { proxy_id: ids.uuid(), epoch: 0 });
        let now = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
        let stored = Stored { epoch: now.max(stored.epoch + 1), ..stored };
        let part = dir.join(format!("{FILE}.part"));
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec(&stored).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        File::open(dir)?.sync_all()?;
        Ok(Self { epoch: stored.epoch, stream: stored.stream() })
    }
}
