//! The hardened profile that every bot's container gets, in one place.
//!
//! It is that of `openclaw fleet` and stricter: the root file system is read-only, the network has no way out, no
//! port is published, and names outside do not resolve.

use crate::runtime::{ContainerSpec, GATEWAY_PORT};
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, RestartPolicy,
    RestartPolicyNameEnum,
};
use std::collections::HashMap;

/// Whose container it is.
pub const LABEL_BOT: &str = "clawplane.bot";
/// Whose bot it is.
pub const LABEL_TENANT: &str = "clawplane.tenant";
/// The digest of what it was made from.
pub const LABEL_SPEC: &str = "clawplane.spec";
/// The installation, so that two of them on one engine leave each other alone.
pub const LABEL_INSTANCE: &str = "clawplane.instance";

/// What every bot's container calls itself. Nobody else sees it: each is on a network of its own.
const HOSTNAME: &str = "bot";
/// Where the bot's state is inside of the container.
pub const STATE_DIR: &str = "/home/node/.openclaw";
const MIB: i64 = 1024 * 1024;
const NANOS_PER_MILLI_CPU: i64 = 1_000_000;
/// An address that nothing has (RFC 5737). The engine's own resolver forwards what it does not know, and before
/// Docker 25 did so from the host's network, which was a way out (CVE-2024-29018). From the bot's network there is
/// no way to this one, so only the names on that network resolve.
const NO_RESOLVER: &str = "192.0.2.1";

/// The labels of a container, or of a network without `spec`.
pub(super) fn labels(instance: &str, bot: &str, tenant: &str, spec: Option<&str>) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (LABEL_INSTANCE.to_owned(), instance.to_owned()),
        (LABEL_BOT.to_owned(), bot.to_owned()),
        (LABEL_TENANT.to_owned(), tenant.to_owned()),
    ]);
    if let Some(spec) = spec {
        labels.insert(LABEL_SPEC.to_owned(), spec.to_owned());
    }
    labels
}

/// The request that makes the container; `bounded`: a root that can be written has a size.
pub(super) fn create_body(
    spec: &ContainerSpec,
    instance: &str,
    network: &str,
    bounded: bool,
) -> ContainerCreateBody {
    ContainerCreateBody {
        // OpenClaw holds its state by a lease that names its host. With a name that changes, a container that is made
        // anew after a crash, or for a bot with another one's restored folder, would find the lease held by a stranger, and end.
        hostname: Some(HOSTNAME.to_owned()),
        image: Some(spec.image.to_string()),
        cmd: spec.command.clone(),
        env: Some(spec.env.clone()),
        user: Some(spec.user.clone()),
        exposed_ports: Some(vec![format!("{GATEWAY_PORT}/tcp")]),
        labels: Some(labels(
            instance,
            &spec.bot.to_string(),
            &spec.tenant.to_string(),
            Some(&spec.spec_hash),
        )),
        host_config: Some(host_config(spec, network, bounded)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec, network: &str, bounded: bool) -> HostConfig {
    let memory = i64::from(spec.limits.memory_mib) * MIB;
    HostConfig {
        network_mode: Some(network.to_owned()),
        dns: Some(vec![NO_RESOLVER.to_owned()]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        privileged: Some(false),
        readonly_rootfs: Some(!spec.limits.writable_root),
        // Only such a root can be written at all. Not every engine can bound it.
        storage_opt: (spec.limits.writable_root && bounded)
            .then(|| HashMap::from([("size".to_owned(), format!("{}m", spec.limits.disk()))])),
        init: Some(true),
        pids_limit: Some(i64::from(spec.limits.pids)),
        memory: Some(memory),
        // Memory and swap together: the same number, so no swap.
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(spec.limits.cpu_millis) * NANOS_PER_MILLI_CPU),
        mounts: Some(vec![Mount {
            typ: Some(MountType::BIND),
            source: Some(spec.state_dir.to_string_lossy().into_owned()),
            target: Some(STATE_DIR.to_owned()),
            read_only: Some(false),
            ..Mount::default()
        }]),
        tmpfs: Some(tmpfs(&spec.user)),
        publish_all_ports: Some(false),
        // The worker restarts a bot itself: it has to see each failure, count it and say why. A bot without the
        // platform has no way to its models anyway, so nothing is lost while the platform is down.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        }),
        ..HostConfig::default()
    }
}

/// Writable places that go with the container. Their pages count against its memory limit.
fn tmpfs(user: &str) -> HashMap<String, String> {
    let (uid, gid) = user.split_once(':').unwrap_or((user, user));
    // The user's own: some versions of runc take the mode of the image's folder instead of the one asked for.
    let options = |mode: &str| format!("rw,nosuid,nodev,size=256m,mode={mode},uid={uid},gid={gid}");
    HashMap::from([
        ("/tmp".to_owned(), format!("{},noexec", options("1777"))),
        ("/home/node/.cache".to_owned(), options("0700")),
    ])
}
