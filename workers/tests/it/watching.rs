//! Logs, figures, commands and checks against a real Docker engine, with the tiny image.

use crate::{
    desk::{Desk, Running, token_of},
    docker_image::engine,
};
use bollard::{
    Docker,
    query_parameters::{
        ListContainersOptionsBuilder, PruneNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
    },
};
use clawplane_domain::{
    BotId, Secret,
    bot::{BotCommand, BotState, Desired},
    redact::Redactor,
};
use clawplane_workers::{
    DockerRuntime, Host, OneHost, Watcher,
    docker_worker::EGRESS_PORT,
    runtime::observe::{ExecAsk, ExecEnd, LogAsk},
    watch::{CheckStatus, WatchError, diagnose::Wanted},
    workspace::Workspaces,
};
use futures::StreamExt;
use pretty_assertions::assert_eq;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONGEST: Duration = Duration::from_secs(30);

/// A bot that runs on a real engine, and somebody who watches.
struct Place {
    desk: Desk,
    running: Running,
    watcher: Watcher,
    bot: BotId,
}

async fn place(name: &str) -> Option<Place> {
    let instance = format!("clawplane-watching-test-{name}");
    let (runtime, docker) = engine(&instance).await?;
    sweep(&docker, &instance).await;
    let desk = Desk::new().await;
    let mut config = desk.config();
    config.egress_port = EGRESS_PORT;
    let running = desk.work(config, Arc::new(runtime.clone()));
    let watcher = watcher(&desk, runtime);
    let bot = desk.started("watched").await;
    desk.until_state(bot, BotState::Running).await;
    Some(Place { desk, running, watcher, bot })
}

fn watcher(desk: &Desk, runtime: DockerRuntime) -> Watcher {
    let workspaces = Workspaces::new(&desk.data.path().join("bots")).unwrap();
    Watcher::new(Arc::new(OneHost::new(Host { runtime: Arc::new(runtime), workspaces })))
}

/// Removes what a failed run of the same test left.
async fn sweep(docker: &Docker, instance: &str) {
    let filters = HashMap::from([("label".to_owned(), vec![format!("clawplane.instance={instance}")])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    for left in docker.list_containers(Some(options)).await.unwrap() {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        docker.remove_container(&left.id.unwrap(), Some(options)).await.unwrap();
    }
    let options = PruneNetworksOptionsBuilder::default().filters(&filters).build();
    docker.prune_networks(Some(options)).await.unwrap();
}

impl Place {
    async fn run(&self, command: &[&str], stdin: &str, seconds: u64) -> ExecEnd {
        let ask = ExecAsk {
            command: command.iter().map(|&argument| argument.to_owned()).collect(),
            stdin: stdin.to_owned().into(),
            timeout: Duration::from_secs(seconds),
            most_output: 1000,
        };
        in_time(self.watcher.exec(self.bot, ask)).await.unwrap()
    }

    async fn shell(&self, line: &str) -> ExecEnd {
        self.run(&["sh", "-c", line], "", 20).await
    }

    async fn end(self) {
        self.desk.tell(self.bot, BotCommand::Delete).await;
        self.desk.until_removed(self.bot).await;
        self.running.stop().await;
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONGEST, future).await.expect("in time")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn a_log_is_read_and_followed_in_whole_lines_without_the_token() {
    let Some(place) = place("logs").await else { return };
    let token = token_of(place.bot);
    let redactor = Redactor::knowing([Secret::new(token.clone())]);
    let follow = LogAsk { follow: true, ..LogAsk::default() };
    let mut lines = place.watcher.logs(place.bot, follow, redactor.clone()).await.unwrap();
    let first = in_time(lines.next()).await.unwrap().unwrap();
    assert_eq!((first.text.as_str(), first.stderr), ("the bot starts", false));
    let began = first.at.expect("its time");
    // What the container's first process prints is its log. One line is longer than the engine's pieces of 16 kB, with the
    // token right where the engine cuts it.
    let written = format!(
        "echo oops >/proc/1/fd/2; i=0; while [ $i -lt 1637 ]; do printf 0123456789; i=$((i+1)); done >/tmp/long; \
         {{ cat /tmp/long; echo 'xx{token}yy'; }} >/proc/1/fd/1"
    );
    let end = place.shell(&written).await;
    assert_eq!(end.exit_code, Some(0), "{}", text(&end.stderr));
    let mut found = Vec::new();
    while found.len() < 2 {
        found.push(in_time(lines.next()).await.unwrap().unwrap());
    }
    found.sort_by_key(|line| !line.stderr);
    assert_eq!((found[0].text.as_str(), found[0].stderr), ("oops", true));
    assert_eq!(found[1].text.len(), 16370 + "xx[redacted]yy".len(), "one line");
    assert!(found[1].text.ends_with("9xx[redacted]yy") && !found[1].cut);
    // The end of it, and nothing from before.
    let tail = LogAsk { tail: Some(1), ..LogAsk::default() };
    let last: Vec<_> = place.watcher.logs(place.bot, tail, redactor.clone()).await.unwrap().collect().await;
    assert_eq!(last.len(), 1);
    let since = LogAsk { since: Some(began + chrono::TimeDelta::nanoseconds(1)), ..LogAsk::default() };
    let late: Vec<_> = place.watcher.logs(place.bot, since, redactor).await.unwrap().collect().await;
    assert_eq!(late.len(), 2, "{late:?}");
    // The log ends with the container.
    place.desk.tell(place.bot, BotCommand::Stop).await;
    assert!(in_time(lines.next()).await.is_none());
    place.end().await;
}

#[tokio::test]
async fn figures_are_those_of_the_container() {
    let Some(place) = place("figures").await else { return };
    let mut figures = place.watcher.figures(place.bot).await.unwrap();
    let sample = in_time(figures.next()).await.expect("it runs");
    assert_eq!(sample.counters.memory_limit_bytes, 64 << 20);
    assert!((1..32).contains(&sample.counters.pids), "{sample:?}");
    assert!(sample.counters.memory_bytes < 64 << 20, "{sample:?}");
    // It is held to half a core, and uses that.
    let burn = place.run(&["sh", "-c", "while :; do :; done"], "", 5);
    let busy = async {
        loop {
            let sample = figures.next().await.expect("it runs");
            if sample.cpu_percent > 5.0 {
                return sample;
            }
        }
    };
    let (end, busy) = tokio::join!(burn, in_time(busy));
    assert!(end.timed_out && busy.cpu_percent < 100.0, "{busy:?}");
    let counted = async {
        loop {
            let sample = figures.next().await.expect("it runs");
            if sample.folder_bytes.is_some() {
                return sample;
            }
        }
    };
    let counted = in_time(counted).await;
    assert!(counted.folder_bytes > Some(0) && counted.layer_bytes.is_some(), "{counted:?}");
    place.desk.tell(place.bot, BotCommand::Stop).await;
    in_time(async { while figures.next().await.is_some() {} }).await;
    place.desk.until_state(place.bot, BotState::Stopped).await;
    assert!(matches!(place.watcher.figures(place.bot).await, Err(WatchError::NotRunning)));
    place.end().await;
}

#[tokio::test]
async fn a_command_runs_as_the_bot_and_is_ended_with_its_children() {
    let Some(place) = place("exec").await else { return };
    let end = place.shell("id -u; cat >&2 /etc/passwd; exit 7").await;
    assert_eq!((end.exit_code, end.timed_out), (Some(7), false));
    assert_ne!(text(&end.stdout), "0\n", "not root");
    assert!(text(&end.stderr).starts_with("node:"));
    let end = place.run(&["cat"], "what it reads", 20).await;
    assert_eq!((text(&end.stdout).as_str(), end.exit_code), ("what it reads", Some(0)));
    // No shell reads the arguments.
    let end = place.run(&["echo", "$HOME", "a  b", "; id"], "", 20).await;
    assert_eq!(text(&end.stdout), "$HOME a  b ; id\n");
    let end = place.shell("i=0; while [ $i -lt 500 ]; do echo 0123456789; i=$((i+1)); done").await;
    assert_eq!((end.stdout.len(), end.output_bytes, end.truncated), (1000, 5500, true));
    assert_eq!(place.run(&["no-such-program"], "", 20).await.exit_code, Some(127));

    let endless = "(while :; do echo x >/tmp/alive; done) & while :; do :; done";
    let end = place.run(&["sh", "-c", endless], "", 1).await;
    assert_eq!((end.timed_out, end.exit_code), (true, Some(137)));
    let gone = place
        .shell("echo gone >/tmp/alive; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; cat /tmp/alive")
        .await;
    assert_eq!(text(&gone.stdout), "gone\n", "its child was ended too");
    place.end().await;
}

#[tokio::test]
async fn a_diagnosis_finds_what_is_broken() {
    let Some(place) = place("diagnose").await else { return };
    let bot = place.desk.load(place.bot).await;
    let wanted = || Wanted {
        desired: Desired::Running,
        limits: bot.limits,
        token: Some(Secret::new(token_of(place.bot))),
        vendors: vec!["openai".to_owned()],
    };
    let look = async || -> HashMap<&str, CheckStatus> {
        let checks = place.watcher.diagnose(place.bot, wanted()).await;
        checks.into_iter().map(|check| (check.name, check.status)).collect()
    };
    let good = look().await;
    for name in ["container", "limits", "network", "egress", "gateway", "config"] {
        assert_eq!(good.get(name), Some(&CheckStatus::Ok), "{name}: {good:?}");
    }
    let file = place.desk.state_dir(place.bot).join("openclaw.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("openai-proxy", "mine")).unwrap();
    assert_eq!(look().await["config"], CheckStatus::Warn);
    std::fs::write(&file, "{ not JSON5").unwrap();
    assert_eq!(look().await["config"], CheckStatus::Fail);
    // Its way in: what it says is what the bot's gateway says.
    let mut gateway = place.watcher.dial(place.bot).await.unwrap();
    gateway.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    in_time(gateway.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
    place.desk.tell(place.bot, BotCommand::Stop).await;
    place.desk.until_state(place.bot, BotState::Stopped).await;
    let down = look().await;
    assert_eq!((down["container"], down.get("gateway")), (CheckStatus::Fail, None));
    assert!(place.watcher.dial(place.bot).await.is_err());
    place.end().await;
}
