//! The vendors' official SDKs, which `deploy/setup.sh --test` installs beside the checkout, and scripts that use them.

use crate::vendor;
use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A picture of one pixel, as base64.
pub const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A language that SDKs are there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// `openai`, `anthropic`, `google-genai`, `ollama`.
    Python,
    /// `openai`.
    Node,
}

impl Sdk {
    fn folder(self) -> PathBuf {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let name = if self == Self::Python { "sdk-python" } else { "sdk-node" };
        cache.unwrap_or_else(|| home.join(".cache")).join("clawplane").join(name)
    }

    fn versions(self) -> PathBuf {
        let file =
            if self == Self::Python { "sdk/python/requirements.txt" } else { "sdk/node/package-lock.json" };
        Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
    }

    /// Whether exactly the versions of `tests/sdk` are installed. Says loudly what is skipped where they are not.
    pub fn available(self, what: &str) -> bool {
        let wanted = fs::read(self.versions()).expect("the file of versions");
        let installed = fs::read(self.folder().join(".versions")).is_ok_and(|versions| versions == wanted);
        if !installed {
            eprintln!(
                "SKIPPED: {what}: the {self:?} SDKs are not installed (`deploy/setup.sh --test` does it)"
            );
        }
        installed
    }

    /// Runs a script of `tests/sdk` with the platform at `url`; `poor` is the token of a bot without any quota left.
    /// Blocks: the script has to end by itself, and does, because SDKs have time limits.
    pub fn run(self, script: &str, url: &str, token: &str, poor: &str) -> Output {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
        // JavaScript looks for packages beside the script.
        let beside = tempfile::tempdir().expect("a folder");
        let mut command = match self {
            Self::Python => {
                let mut command = Command::new(self.folder().join("bin/python"));
                command.arg("-B").arg(scripts.join("python").join(script));
                command
            }
            Self::Node => {
                symlink(self.folder().join("node_modules"), beside.path().join("node_modules"))
                    .expect("a link to the SDK");
                let copy = beside.path().join(script);
                fs::copy(scripts.join("node").join(script), &copy).expect("the script");
                let mut command = Command::new("node");
                command.arg(copy);
                command
            }
        };
        let numbers = [("INPUT", vendor::INPUT.to_string()), ("OUTPUT", vendor::OUTPUT.to_string())];
        command
            .env("CLAWPLANE", url)
            .envs([("TOKEN", token), ("POOR_TOKEN", poor), ("PNG", PNG)])
            .envs([
                ("ANSWER", vendor::ANSWER),
                ("FAILURE", vendor::FAILURE),
                ("TOOL_CITY", vendor::TOOL_CITY),
            ])
            .envs(numbers)
            .output()
            .expect("the script starts")
    }
}
