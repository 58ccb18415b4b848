//! Asking OpenClaw itself what it makes of a configuration: `openclaw config validate` of the bot's own image, in a
//! container for this alone (a second or two with 2026.9.6). It knows the strict schema and the bot's plugins.

use crate::{
    hosts::Host,
    runtime::{Once, RuntimeError},
};
use clawplane_domain::{
    BotId,
    openclaw::{Filling, fill},
    values::ImageRef,
};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Containers for this at a time: each takes a processor while it runs.
static AT_A_TIME: Semaphore = Semaphore::const_new(2);
/// Longest wait for the answer; a request has 30 s.
const WITHIN: Duration = Duration::from_secs(20);
/// Longest wait for a place.
const QUEUE: Duration = Duration::from_secs(5);
/// Most issues that are told.
const MOST: usize = 20;
/// The file's size is given: the end of the input does not reach every engine's containers.
const SCRIPT: &str =
    r#"head -c "$SIZE" > /tmp/openclaw.json && exec node dist/index.js config validate --json"#;

/// What OpenClaw says of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would run with it.
    Valid,
    /// It would not.
    Invalid(Vec<Issue>),
    /// Nobody can be asked: the image is not here, or it is no OpenClaw that knows the question.
    Unknown(&'static str),
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Issue {
    /// The place: `agents.defaults.workspace`.
    #[serde(default)]
    pub path: String,
    /// What is wrong there.
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
struct Answer {
    valid: bool,
    #[serde(default)]
    issues: Vec<Issue>,
}

/// Asks the bot's image on its host. An error is one of the engine's, and may pass.
pub async fn check(host: &Host, bot: BotId, image: &ImageRef, text: &str) -> Result<Verdict, RuntimeError> {
    if !host.runtime.has_image(image).await? {
        return Ok(Verdict::Unknown("the bot's image is not on its host yet"));
    }
    let place = tokio::time::timeout(QUEUE, AT_A_TIME.acquire()).await;
    let Ok(Ok(_place)) = place else {
        return Err(RuntimeError::Conflict {
            message: "too many configurations are checked at once".to_owned(),
        });
    };
    let stand_in = format!("cp_{}", "0".repeat(43));
    let input = fill(text, Filling { token: &stand_in, proxy: "192.0.2.1:9" }).into_bytes();
    let folder = host.workspaces.state_dir(bot);
    let once = Once {
        purpose: "config-check",
        image: image.clone(),
        command: ["sh", "-c", SCRIPT].map(str::to_owned).to_vec(),
        env: vec![
            format!("SIZE={}", input.len()),
            "HOME=/tmp".to_owned(),
            "OPENCLAW_CONFIG_PATH=/tmp/openclaw.json".to_owned(),
        ],
        user: host.workspaces.owner().for_container(),
        // Its plugins say what their settings may be.
        state_dir: folder.is_dir().then_some(folder),
        memory_mib: 1024,
        input,
        within: WITHIN,
    };
    Ok(read(&host.runtime.run_once(once).await?))
}

fn read(printed: &str) -> Verdict {
    let json = printed.find('{').map(|at| &printed[at..]).unwrap_or_default();
    match serde_json::from_str::<Answer>(json) {
        Ok(Answer { valid: true, .. }) => Verdict::Valid,
        Ok(Answer { mut issues, .. }) if !issues.is_empty() => {
            issues.truncate(MOST);
            for issue in &mut issues {
                issue.path = issue.path.chars().take(200).collect();
                issue.message = issue.message.chars().filter(|c| !c.is_control()).take(500).collect();
            }
            Verdict::Invalid(issues)
        }
        Ok(_) => {
            let message = "is not valid, says OpenClaw".to_owned();
            Verdict::Invalid(vec![Issue { path: String::new(), message }])
        }
        Err(_) => Verdict::Unknown("the bot's image has no OpenClaw that checks configurations"),
    }
}

#[cfg(test)]
mod tests;
