//! A tiny image that behaves like a bot: a static busybox that answers `/healthz` on OpenClaw's port.

use crate::desk::IMAGE;
use bollard::{
    Docker, body_full,
    query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions},
};
use clawplane_workers::{
    DockerRuntime, Runtime,
    runtime::docker::{DEFAULT_HOST, DockerConfig},
};
use futures::StreamExt;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};
use tokio::sync::OnceCell;

/// It runs until it is told to end, or ends by itself where its workspace says so.
const BOT: &str = r#"#!/bin/sh
echo "the bot starts"
if [ -f /home/node/.openclaw/workspace/crash ]; then
    echo "the token is $(grep -o 'cp_[a-z0-9]*' /home/node/.openclaw/openclaw.json | head -n 1)"
    exit "$(cat /home/node/.openclaw/workspace/crash)"
fi
trap 'exit 0' TERM
httpd -f -p 18789 -h /www &
wait
"#;
const APPLETS: &[&str] = &[
    "sh", "httpd", "wget", "nslookup", "ip", "id", "touch", "cat", "grep", "head", "echo", "ls", "mount",
    "ping",
];

static MADE: OnceCell<()> = OnceCell::const_new();

/// The engine, or `None` after saying loudly that there is none.
pub(crate) async fn engine(instance: &str) -> Option<(DockerRuntime, Docker)> {
    #[expect(clippy::disallowed_methods, reason = "a developer's engine may be elsewhere")]
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| DEFAULT_HOST.to_owned());
    let runtime = DockerRuntime::new(DockerConfig { host: host.clone(), instance: instance.to_owned() });
    if let Err(error) = runtime.info().await {
        return skipped(&error.to_string());
    }
    if !Path::new("/bin/busybox").exists() {
        return skipped("there is no static busybox for the test image");
    }
    let docker = Docker::connect_with_host(&host).unwrap().negotiate_version().await.unwrap();
    MADE.get_or_init(|| import(&docker)).await;
    Some((runtime, docker))
}

/// Past the test runner, which keeps to itself what a successful test prints.
fn skipped<T>(why: &str) -> Option<T> {
    std::io::stderr().write_all(format!("SKIPPED: no Docker engine ({why})\n").as_bytes()).unwrap();
    None
}

/// Makes the image, unless one of the same script is there.
pub(crate) async fn import(docker: &Docker) {
    let mut hasher = DefaultHasher::new();
    (BOT, APPLETS).hash(&mut hasher);
    let version = hasher.finish().to_string();
    let labels = docker.inspect_image(IMAGE).await.ok().and_then(|image| image.config?.labels);
    if labels.is_some_and(|labels| labels.get("clawplane.test-bot") == Some(&version)) {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    for folder in ["bin", "www", "tmp", "etc", "home/node/.openclaw", "home/node/.cache"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    std::fs::write(root.join("www/healthz"), "ok").unwrap();
    std::fs::write(root.join("etc/passwd"), "node:x:1000:1000::/home/node:/bin/sh\n").unwrap();
    std::fs::write(root.join("bot.sh"), BOT).unwrap();
    for program in ["bot.sh", "bin/busybox"] {
        std::fs::set_permissions(root.join(program), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let tar =
        Command::new("tar").args(["-c", "--owner=0", "--group=0", "-C"]).arg(root).arg(".").output().unwrap();
    assert!(tar.status.success());
    let (name, tag) = IMAGE.split_once(':').unwrap();
    let label = format!("LABEL clawplane.test-bot={version}");
    let changes = ["ENV PATH=/bin", r#"CMD ["/bot.sh"]"#, &label].map(str::to_owned).to_vec();
    let options =
        CreateImageOptionsBuilder::default().from_src("-").repo(name).tag(tag).changes(changes).build();
    let imported = docker.create_image(Some(options), Some(body_full(tar.stdout.into())), None);
    let _ = docker.remove_image(IMAGE, None::<RemoveImageOptions>, None).await;
    let problems: Vec<_> = imported.filter_map(|step| async { step.err() }).collect().await;
    assert!(problems.is_empty(), "{problems:?}");
}
