//! The worker against a real Docker engine, with a tiny image in OpenClaw's place.

use crate::{
    desk::{Desk, IMAGE, Running, read, token_of},
    docker_image::engine,
};
use bollard::{
    Docker,
    exec::{CreateExecOptions, StartExecResults},
    models::{ContainerInspectResponse, HostConfig, RestartPolicyNameEnum},
    query_parameters::{
        ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions,
        TagImageOptionsBuilder,
    },
};
use clawplane_domain::{
    BotId,
    bot::{BotCommand, BotState},
};
use clawplane_workers::{
    DockerRuntime, DockerWorkerConfig, Runtime, docker_worker::EGRESS_PORT, runtime::short_id,
};
use futures::StreamExt;
use pretty_assertions::assert_eq;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// An installation of its own on the engine. Its bots have to be gone at the end of a test; where a test fails, the
/// next call of [`place`] removes what it left.
pub(crate) struct Place {
    pub(crate) desk: Desk,
    pub(crate) runtime: DockerRuntime,
    pub(crate) docker: Docker,
    running: Running,
}

const OURS: &str = "clawplane.instance=clawplane-workers-test";

async fn place(name: &str, proxy: Option<SocketAddr>) -> Option<Place> {
    place_with(name, |config| config.proxy_addr = proxy.unwrap_or(config.proxy_addr)).await
}

pub(crate) async fn place_with(name: &str, change: impl FnOnce(&mut DockerWorkerConfig)) -> Option<Place> {
    let instance = format!("clawplane-workers-test-{name}");
    let (runtime, docker) = engine(&instance).await?;
    sweep(&docker, &instance).await;
    let desk = Desk::new().await;
    let mut config = desk.config();
    change(&mut config);
    // One port for all, as in real life: each has a rule of the host's firewall.
    config.egress_port = EGRESS_PORT;
    let running = desk.work(config, Arc::new(runtime.clone()));
    Some(Place { desk, runtime, docker, running })
}

/// Removes what a failed run of the same test left.
async fn sweep(docker: &Docker, instance: &str) {
    let filters = HashMap::from([("label".to_owned(), vec![format!("clawplane.instance={instance}")])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    for left in docker.list_containers(Some(options)).await.unwrap() {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        docker.remove_container(&left.id.unwrap(), Some(options)).await.unwrap();
    }
    let options = bollard::query_parameters::PruneNetworksOptionsBuilder::default().filters(&filters).build();
    docker.prune_networks(Some(options)).await.unwrap();
}

impl Place {
    pub(crate) async fn inspect(&self, bot: BotId) -> ContainerInspectResponse {
        let id = self.runtime.inspect(bot).await.unwrap().expect("it has a container").id;
        self.docker.inspect_container(&id, None).await.unwrap()
    }

    /// What a shell line in the bot's container prints, and whether it succeeded.
    pub(crate) async fn inside(&self, bot: BotId, line: &str) -> (String, bool) {
        let id = self.runtime.inspect(bot).await.unwrap().unwrap().id;
        let options = CreateExecOptions {
            cmd: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()]),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = self.docker.create_exec(&id, options).await.unwrap().id;
        let StartExecResults::Attached { mut output, .. } =
            self.docker.start_exec(&exec, None).await.unwrap()
        else {
            panic!("not attached");
        };
        let mut text = String::new();
        while let Some(chunk) = output.next().await {
            text.push_str(&chunk.unwrap().to_string());
        }
        let code = self.docker.inspect_exec(&exec).await.unwrap().exit_code;
        (text, code == Some(0))
    }

    pub(crate) async fn end(self, bots: &[BotId]) {
        for bot in bots {
            self.desk.tell(*bot, BotCommand::Delete).await;
        }
        for bot in bots {
            self.desk.until_removed(*bot).await;
            assert!(self.runtime.inspect(*bot).await.unwrap().is_none());
            let network = format!("clawplane-{}", short_id(*bot));
            assert!(self.docker.inspect_network(&network, None).await.is_err(), "its network is gone");
            assert!(!self.desk.state_dir(*bot).exists(), "its folder is gone");
        }
        self.running.stop().await;
    }
}

/// Whether the host's firewall could be told: that takes root.
pub(crate) fn host_is_guarded() -> bool {
    let listed = std::process::Command::new("iptables").args(["-w", "5", "-S", "CLAWPLANE"]).output();
    listed.is_ok_and(|output| output.status.success())
}

fn file_of(place: &Place, bot: BotId) -> serde_json::Value {
    serde_json::from_str(&read(&place.desk.state_dir(bot).join("openclaw.json"))).unwrap()
}

/// Something that answers every connection on loopback like an HTTP server, in the proxy's place.
async fn proxy() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nthe proxy").await;
        }
    });
    address
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_container_is_made_with_the_hardened_profile() {
    let Some(place) = place("profile", None).await else { return };
    let bot = place.desk.started("hard").await;
    place.desk.until_state(bot, BotState::Running).await;
    let seen = place.inspect(bot).await;
    let HostConfig {
        cap_drop,
        cap_add,
        security_opt,
        privileged,
        readonly_rootfs,
        init,
        pids_limit,
        memory,
        memory_swap,
        nano_cpus,
        port_bindings,
        restart_policy,
        log_config,
        tmpfs,
        ..
    } = seen.host_config.unwrap();
    assert_eq!(cap_drop, Some(vec!["ALL".to_owned()]));
    assert!(cap_add.unwrap_or_default().is_empty());
    assert_eq!(security_opt, Some(vec!["no-new-privileges".to_owned()]));
    assert_eq!((privileged, readonly_rootfs, init), (Some(false), Some(true), Some(true)));
    assert_eq!((pids_limit, nano_cpus), (Some(32), Some(500_000_000)));
    assert_eq!((memory, memory_swap), (Some(64 << 20), Some(64 << 20)), "no swap");
    assert!(port_bindings.unwrap_or_default().is_empty());
    assert_eq!(restart_policy.unwrap().name, Some(RestartPolicyNameEnum::NO));
    let log = log_config.unwrap();
    assert_eq!((log.typ.as_deref(), log.config.unwrap()["max-size"].as_str()), (Some("json-file"), "10m"));
    let mut writable: Vec<String> = tmpfs.unwrap().into_keys().collect();
    writable.sort();
    assert_eq!(writable, ["/home/node/.cache", "/tmp"]);
    let mounts = seen.mounts.unwrap();
    let state = place.desk.state_dir(bot).to_string_lossy().into_owned();
    assert_eq!(mounts.len(), 1, "{mounts:?}");
    assert_eq!((mounts[0].typ.as_deref(), mounts[0].source.as_deref()), (Some("bind"), Some(state.as_str())));
    assert_eq!(mounts[0].destination.as_deref(), Some("/home/node/.openclaw"));

    let config = seen.config.unwrap();
    let labels = config.labels.unwrap();
    assert_eq!(labels["clawplane.bot"], bot.to_string());
    assert_eq!(labels["clawplane.tenant"], place.desk.tenant.to_string());
    assert!(format!("clawplane.instance={}", labels["clawplane.instance"]).starts_with(OURS));
    let all = format!("{:?} {labels:?} {:?}", config.env, config.cmd);
    assert!(!all.contains(&token_of(bot)), "no secret can be seen with docker inspect: {all}");
    let network = place.docker.inspect_network(&format!("clawplane-{}", short_id(bot)), None).await.unwrap();
    assert_eq!((network.internal, network.driver.as_deref()), (Some(true), Some("bridge")));
    place.end(&[bot]).await;
}

#[tokio::test]
async fn from_inside_there_is_the_proxy_and_nothing_else() {
    let proxy = proxy().await;
    let Some(place) = place("inside", Some(proxy)).await else { return };
    let (anna, bert) = (place.desk.started("anna").await, place.desk.started("bert").await);
    place.desk.until_state(anna, BotState::Running).await;
    place.desk.until_state(bert, BotState::Running).await;
    // busybox's wget takes no timeout where it is static.
    let ask = |ip: IpAddr, port: u16| format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {ip} {port}");
    let gateway = |file: &serde_json::Value| {
        let url = file["models"]["providers"]["openai-proxy"]["baseUrl"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap().strip_suffix("/api/v1/openai").unwrap();
        address.parse::<SocketAddr>().unwrap()
    };
    let (own, others) = (gateway(&file_of(&place, anna)), gateway(&file_of(&place, bert)));
    let (answer, _) = place.inside(anna, &ask(own.ip(), own.port())).await;
    assert!(answer.ends_with("the proxy"), "{answer}");

    let bert_ip = place.runtime.inspect(bert).await.unwrap().unwrap().ip.unwrap();
    let mut closed = vec![
        ("the internet", "1.1.1.1".parse().unwrap(), 80),
        ("another bot", bert_ip, 18789),
        ("another bot's way to the proxy", others.ip(), others.port()),
    ];
    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    if host_is_guarded() {
        let port = everywhere.local_addr().unwrap().port();
        closed.push(("a service of the host", own.ip(), port));
        closed.push(("a service of the host", others.ip(), port));
    }
    for (what, ip, port) in closed {
        let (answer, ok) = place.inside(anna, &ask(ip, port)).await;
        assert!(!ok || answer.is_empty(), "{what} can be reached at {ip}:{port}: {answer}");
        assert!(!answer.contains("HTTP/1"), "{what} answers at {ip}:{port}: {answer}");
    }
    let reached = tokio::time::timeout(std::time::Duration::ZERO, everywhere.accept()).await;
    assert!(reached.is_err(), "a bot has reached a service of the host");
    let (answer, ok) = place.inside(anna, "nslookup example.com").await;
    assert!(!ok, "names outside resolve, which is a way out: {answer}");

    let (who, _) = place.inside(anna, "id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status").await;
    let words: Vec<&str> = who.split_whitespace().collect();
    let expected = ["CapEff:", "0000000000000000", "CapBnd:", "0000000000000000", "NoNewPrivs:", "1"];
    assert_eq!(words[1..], expected, "{who}");
    assert_ne!(words[0], "0");
    assert!(!place.inside(anna, "touch /here").await.1, "the root file system can be written");
    assert!(place.inside(anna, "touch /tmp/a /home/node/.cache/a /home/node/.openclaw/workspace/a").await.1);
    assert!(!place.inside(anna, "ls /var/run/docker.sock").await.1);

    let port = place.desk.load(anna).await.port;
    let answer = get(SocketAddr::from(([127, 0, 0, 1], port)), "/healthz").await;
    assert!(answer.contains("200 OK") && answer.ends_with("ok"), "{answer}");
    place.end(&[anna, bert]).await;
}

#[tokio::test]
async fn stop_start_and_removal_by_hand() {
    let Some(place) = place("hands", None).await else { return };
    let bot = place.desk.started("anna").await;
    let first = place.desk.until_state(bot, BotState::Running).await.container_id;
    place.desk.tell(bot, BotCommand::Stop).await;
    place.desk.until_state(bot, BotState::Stopped).await;
    assert_eq!(place.inspect(bot).await.state.unwrap().exit_code, Some(0), "it could end by itself");
    place.desk.tell(bot, BotCommand::Start).await;
    let again = place.desk.until_state(bot, BotState::Running).await.container_id;
    assert_eq!(again, first, "a start keeps the container");

    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    place.docker.remove_container(first.as_deref().unwrap(), Some(force)).await.unwrap();
    let back = place.desk.until(bot, "another container runs", |seen| {
        seen.state == BotState::Running && seen.container_id != first
    });
    assert!(back.await.container_id.is_some());
    place.end(&[bot]).await;
}

#[tokio::test]
async fn an_upgrade_and_a_restart_are_new_containers_on_the_same_folder() {
    let Some(place) = place("upgrade", None).await else { return };
    let bot = place.desk.started("anna").await;
    let first = place.desk.until_state(bot, BotState::Running).await.container_id;
    let memory = place.desk.state_dir(bot).join("workspace/MEMORY.md");
    std::fs::write(&memory, "much").unwrap();
    let next = "clawplane/test-bot:next";
    let tag = TagImageOptionsBuilder::default().repo("clawplane/test-bot").tag("next").build();
    place.docker.tag_image(IMAGE, Some(tag)).await.unwrap();
    place.desk.tell(bot, BotCommand::Upgrade(Some(next.parse().unwrap()))).await;
    place
        .desk
        .wait("it is upgraded", || async {
            let now = place.desk.load(bot).await;
            now.image.is_some() && now.observed.state == BotState::Running
        })
        .await;
    let second = place.desk.load(bot).await.observed.container_id;
    assert_ne!(second, first);
    assert_eq!(place.inspect(bot).await.config.unwrap().image.as_deref(), Some(next));
    place.desk.tell(bot, BotCommand::Restart).await;
    place
        .desk
        .until(bot, "it runs anew", |seen| seen.state == BotState::Running && seen.container_id != second)
        .await;
    // What its process wrote is there for the next one, and the file is still its own.
    assert!(place.inside(bot, "cat /home/node/.openclaw/workspace/MEMORY.md").await.0.starts_with("much"));
    // An image that nobody has leaves it as it is.
    let third = place.desk.load(bot).await.observed.container_id;
    let nothing = "127.0.0.1:9/nobody/nothing:1".parse().unwrap();
    place.desk.tell(bot, BotCommand::Upgrade(Some(nothing))).await;
    place.desk.wait("it is given up", || async { place.desk.load(bot).await.life.trial().is_none() }).await;
    place
        .desk
        .until(bot, "it runs on", |seen| seen.state == BotState::Running && seen.container_id == third)
        .await;
    assert_eq!(place.desk.load(bot).await.image, Some(next.parse().unwrap()));
    let docker = place.docker.clone();
    place.end(&[bot]).await;
    docker.remove_image(next, None::<RemoveImageOptions>, None).await.unwrap();
}

#[tokio::test]
async fn a_network_that_was_removed_by_hand_comes_back_with_a_new_container() {
    let Some(place) = place("network", None).await else { return };
    let bot = place.desk.started("anna").await;
    let first = place.desk.until_state(bot, BotState::Running).await.container_id;
    place.desk.tell(bot, BotCommand::Stop).await;
    place.desk.until_state(bot, BotState::Stopped).await;
    place.docker.remove_network(&format!("clawplane-{}", short_id(bot))).await.unwrap();
    place.desk.tell(bot, BotCommand::Start).await;
    let back = place.desk.until_state(bot, BotState::Running).await;
    assert_ne!(back.container_id, first);
    place.end(&[bot]).await;
}

#[tokio::test]
async fn a_killed_process_and_one_that_gives_up_are_told_with_their_codes() {
    let Some(place) = place("crash", None).await else { return };
    let bot = place.desk.started("anna").await;
    let seen = place.desk.until_state(bot, BotState::Running).await;
    place.docker.kill_container(&seen.container_id.unwrap(), None).await.unwrap();
    place
        .desk
        .until(bot, "it runs again", |seen| seen.state == BotState::Running && seen.restarts == 1)
        .await;
    let history = place.desk.history().await;
    let codes = |state| {
        history.iter().filter(|(_, seen)| seen.state == state).map(|(_, seen)| seen.exit_code).collect()
    };
    let failed: Vec<Option<i64>> = codes(BotState::Failed);
    assert_eq!(failed, [Some(137)]);

    place.desk.tell(bot, BotCommand::Stop).await;
    place.desk.until_state(bot, BotState::Stopped).await;
    std::fs::write(place.desk.state_dir(bot).join("workspace/crash"), "3").unwrap();
    place.desk.tell(bot, BotCommand::Start).await;
    let failed = place
        .desk
        .until(bot, "it is left alone", |seen| {
            seen.reason.as_deref().is_some_and(|text| text.contains("left alone"))
        })
        .await;
    assert_eq!(failed.exit_code, Some(3));
    let reason = failed.reason.unwrap();
    assert!(reason.contains("the bot starts\nthe token is ***"), "{reason}");
    place.end(&[bot]).await;
}

#[tokio::test]
async fn an_image_that_no_registry_has_is_a_reason() {
    let Some(place) = place("image", None).await else { return };
    // Nothing listens there, so the registry's refusal comes at once.
    let bot = place.desk.bot("anna", Some("127.0.0.1:9/nobody/nothing:1")).await;
    place.desk.tell(bot, BotCommand::Start).await;
    let seen = place.desk.until_state(bot, BotState::Failed).await;
    let reason = seen.reason.unwrap();
    assert!(reason.starts_with("image 127.0.0.1:9/nobody/nothing:1 could not be pulled ("), "{reason}");
    assert!(reason.contains("make openclaw-image"), "{reason}");
    place.end(&[bot]).await;
}

#[tokio::test]
async fn two_installations_leave_each_other_alone() {
    let Some(place) = place("ours", None).await else { return };
    let bot = place.desk.started("anna").await;
    place.desk.until_state(bot, BotState::Running).await;
    let (stranger, _) = engine("clawplane-workers-test-theirs").await.unwrap();
    assert_eq!(stranger.list().await.unwrap(), []);
    assert_eq!(stranger.inspect(bot).await.unwrap(), None);
    let refused = stranger.ensure_network(bot, place.desk.tenant, 18790).await.unwrap_err().to_string();
    assert!(refused.contains("is not this installation's"), "{refused}");
    assert!(stranger.has_image(&IMAGE.parse().unwrap()).await.unwrap());
    place.end(&[bot]).await;
}
