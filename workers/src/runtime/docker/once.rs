//! A container for one command: without a network, without rights, gone when it is done.

use super::{DockerRuntime, profile::LABEL_INSTANCE};
use crate::runtime::{Once, RuntimeError, docker::profile::STATE_DIR};
use bollard::{
    container::LogOutput,
    models::{ContainerCreateBody, HostConfig, Mount, MountType},
    query_parameters::{AttachContainerOptionsBuilder, CreateContainerOptions},
};
use futures::StreamExt;
use std::collections::HashMap;
use tokio::io::AsyncWriteExt;

/// Says what such a container is for; it never is a bot's.
const LABEL_ONCE: &str = "clawplane.once";
/// Most bytes of what it prints that are kept.
const OUTPUT: usize = 256 * 1024;
const MIB: i64 = 1024 * 1024;

impl DockerRuntime {
    /// In a task of its own: a caller that goes away leaves no container behind.
    pub(super) async fn run_in_container(&self, once: Once) -> Result<String, RuntimeError> {
        let runtime = self.clone();
        let task = tokio::spawn(async move {
            let body = body(&once, runtime.instance());
            let created =
                runtime.client().await?.create_container(None::<CreateContainerOptions>, body).await;
            let id = created.map_err(|error| runtime.fault("create a container", error))?.id;
            let ran = tokio::time::timeout(once.within, runtime.feed(&id, &once.input)).await;
            let removed = runtime.remove_container(&id).await;
            let output = ran.map_err(|_| RuntimeError::Other {
                what: "run a command",
                message: format!("it did not end within {} s", once.within.as_secs()),
            })??;
            removed?;
            Ok(output)
        });
        task.await
            .map_err(|error| RuntimeError::Other { what: "run a command", message: error.to_string() })?
    }

    /// Starts it, gives it its input and takes what it prints.
    async fn feed(&self, id: &str, input: &[u8]) -> Result<String, RuntimeError> {
        let options = AttachContainerOptionsBuilder::default()
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let attached = self.client().await?.attach_container(id, Some(options)).await;
        let mut attached = attached.map_err(|error| self.fault("attach to a container", error))?;
        self.start_container(id).await?;
        let lost = |error: std::io::Error| RuntimeError::Other {
            what: "write to a container",
            message: error.to_string(),
        };
        attached.input.write_all(input).await.map_err(lost)?;
        attached.input.shutdown().await.map_err(lost)?;
        let mut printed = Vec::new();
        while let Some(piece) = attached.output.next().await {
            let LogOutput::StdOut { message } =
                piece.map_err(|error| self.fault("read from a container", error))?
            else {
                continue;
            };
            let room = OUTPUT.saturating_sub(printed.len());
            printed.extend_from_slice(&message[..message.len().min(room)]);
        }
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }
}

fn body(once: &Once, instance: &str) -> ContainerCreateBody {
    let (uid, gid) = once.user.split_once(':').unwrap_or((&once.user, &once.user));
    let mounts = once.state_dir.iter().map(|folder| Mount {
        typ: Some(MountType::BIND),
        source: Some(folder.to_string_lossy().into_owned()),
        target: Some(STATE_DIR.to_owned()),
        read_only: Some(true),
        ..Mount::default()
    });
    let memory = i64::from(once.memory_mib) * MIB;
    let host = HostConfig {
        network_mode: Some("none".to_owned()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        privileged: Some(false),
        readonly_rootfs: Some(true),
        init: Some(true),
        pids_limit: Some(128),
        memory: Some(memory),
        memory_swap: Some(memory),
        nano_cpus: Some(1_000_000_000),
        mounts: Some(mounts.collect()),
        tmpfs: Some(HashMap::from([(
            "/tmp".to_owned(),
            format!("rw,nosuid,nodev,noexec,size=64m,mode=1777,uid={uid},gid={gid}"),
        )])),
        // Also when nobody is left to remove it.
        auto_remove: Some(true),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(once.image.to_string()),
        entrypoint: Some(Vec::new()),
        cmd: Some(once.command.clone()),
        env: Some(once.env.clone()),
        user: Some(once.user.clone()),
        labels: Some(HashMap::from([
            (LABEL_INSTANCE.to_owned(), instance.to_owned()),
            (LABEL_ONCE.to_owned(), once.purpose.to_owned()),
        ])),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}
