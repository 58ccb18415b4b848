use super::*;
use crate::{FakeRuntime, OneHost, Runtime, runtime::ContainerSpec, workspace::Workspaces};
use bytes::Bytes;
use clawplane_domain::{
    Secret, TenantId,
    bot::{Desired, Limits},
};
use pretty_assertions::assert_eq;

const LONGEST: Duration = Duration::from_secs(10);

struct Place {
    watcher: Watcher,
    fake: FakeRuntime,
    bot: BotId,
    _folder: tempfile::TempDir,
}

async fn place(runs: bool) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeRuntime::with_images(&["i"]);
    let workspaces = Workspaces::new(folder.path()).unwrap();
    let bot = BotId(uuid::Uuid::from_u128(7));
    let spec = ContainerSpec {
        bot,
        tenant: TenantId(uuid::Uuid::from_u128(8)),
        name: "one".into(),
        image: "i".parse().unwrap(),
        command: None,
        env: vec![],
        user: "1:1".into(),
        limits: Limits::default(),
        state_dir: workspaces.state_dir(bot),
        spec_hash: String::new(),
    };
    let id = fake.create(&spec).await.unwrap();
    if runs {
        fake.start(&id).await.unwrap();
    }
    let host = crate::Host { runtime: Arc::new(fake.clone()), workspaces };
    Place { watcher: Watcher::new(Arc::new(OneHost::new(host))), fake, bot, _folder: folder }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONGEST, future).await.expect("in time")
}

async fn lines(place: &Place, ask: LogAsk) -> Vec<String> {
    let redactor = Redactor::knowing([Secret::new("s3cret".into())]);
    let lines = place.watcher.logs(place.bot, ask, redactor).await.unwrap();
    in_time(lines.map(|line| line.unwrap().text).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_log_is_shown_without_secrets_also_of_a_bot_that_does_not_run() {
    let place = place(false).await;
    place.fake.set_log("one\ntwo s3cret\n");
    assert_eq!(lines(&place, LogAsk::default()).await, ["one", "two [redacted]"]);
    assert_eq!(lines(&place, LogAsk { tail: Some(1), ..LogAsk::default() }).await, ["two [redacted]"]);
    let nobody = BotId(uuid::Uuid::from_u128(99));
    let missing = place.watcher.logs(nobody, LogAsk::default(), Redactor::default()).await;
    assert!(matches!(missing.map(|_| ()), Err(WatchError::NoContainer)));
}

#[tokio::test]
async fn followers_are_bounded_and_give_their_places_back() {
    let place = place(true).await;
    let ask = LogAsk { follow: true, ..LogAsk::default() };
    let mut all = Vec::new();
    for _ in 0..FOLLOWERS {
        all.push(place.watcher.logs(place.bot, ask, Redactor::default()).await.unwrap());
    }
    let one_more = place.watcher.logs(place.bot, ask, Redactor::default()).await;
    assert!(matches!(one_more.map(|_| ()), Err(WatchError::Busy)));
    all.pop();
    drop(place.watcher.logs(place.bot, ask, Redactor::default()).await.unwrap());
}

#[tokio::test]
async fn one_poller_serves_all_and_ends_with_the_last() {
    let place = place(true).await;
    let asked = || place.fake.calls().iter().filter(|call| call.starts_with("counters")).count();
    let mut first = place.watcher.figures(place.bot).await.unwrap();
    let mut second = place.watcher.figures(place.bot).await.unwrap();
    let sample = in_time(first.latest()).await.unwrap();
    assert_eq!((sample.counters.pids, sample.counters.memory_bytes), (3, 64 << 20));
    assert!((sample.cpu_percent - 25.0).abs() < 1e-9, "{sample:?}");
    in_time(second.next()).await.unwrap();
    assert_eq!(asked(), 1);
    let disk = async {
        loop {
            let sample = first.next().await.unwrap();
            if let (Some(layer), Some(folder)) = (sample.layer_bytes, sample.folder_bytes) {
                return (layer, folder);
            }
        }
    };
    assert_eq!(in_time(disk).await, (4096, 0));
    drop((first, second));
    let ended = async {
        while place.watcher.inner.pollers.join(place.bot).is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(ended).await;
    in_time(place.watcher.figures(place.bot).await.unwrap().next()).await.unwrap();
    assert_eq!(asked(), 2, "who comes later is served by another");
}

#[tokio::test]
async fn figures_end_with_the_engine() {
    let place = place(true).await;
    let mut figures = place.watcher.figures(place.bot).await.unwrap();
    in_time(figures.next()).await.unwrap();
    place.fake.set_down(Some("gone"));
    let ended = async { while figures.next().await.is_some() {} };
    in_time(ended).await;
    assert!(matches!(place.watcher.figures(place.bot).await, Err(WatchError::Runtime(_))));
}

#[tokio::test]
async fn a_command_needs_a_bot_that_runs() {
    let ask = ExecAsk {
        command: vec!["id".into()],
        stdin: Bytes::new(),
        timeout: Duration::from_secs(1),
        most_output: 100,
    };
    let stopped = place(false).await;
    assert!(matches!(stopped.watcher.exec(stopped.bot, ask.clone()).await, Err(WatchError::NotRunning)));
    let place = place(true).await;
    let end = place.watcher.exec(place.bot, ask).await.unwrap();
    assert_eq!((end.exit_code, end.stdout), (Some(0), b"id".to_vec()));
}

#[tokio::test]
async fn a_diagnosis_names_every_part_and_a_machine_that_is_away() {
    let place = place(true).await;
    let wanted = || diagnose::Wanted {
        desired: Desired::Running,
        limits: Limits::default(),
        token: Some(Secret::new("cp_x".into())),
        vendors: vec!["openai".into()],
    };
    let status = |checks: &[Check], name: &str| {
        checks.iter().find(|check| check.name == name).map(|check| check.status)
    };
    let checks = place.watcher.diagnose(place.bot, wanted()).await;
    assert_eq!(status(&checks, "container"), Some(CheckStatus::Ok));
    assert_eq!(status(&checks, "limits"), Some(CheckStatus::Ok));
    assert_eq!(status(&checks, "network"), Some(CheckStatus::Fail), "the fake has none");
    assert_eq!(status(&checks, "gateway"), Some(CheckStatus::Ok));
    assert_eq!(status(&checks, "config"), Some(CheckStatus::Fail));
    place.fake.set_sick(place.bot, true);
    let checks = place.watcher.diagnose(place.bot, wanted()).await;
    assert_eq!(status(&checks, "gateway"), Some(CheckStatus::Fail));
    place.fake.set_down(Some("nobody answers"));
    let checks = place.watcher.diagnose(place.bot, wanted()).await;
    assert_eq!(checks.len(), 1);
    assert!(checks[0].detail.contains("nobody answers") && checks[0].remedy.is_some());
}
