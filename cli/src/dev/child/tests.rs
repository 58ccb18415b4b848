use super::{Child, Spec};
use rustix::process::Signal;
use std::{fs, path::Path, time::Duration};

const TERM: &[(Signal, Duration)] = &[(Signal::TERM, Duration::from_secs(20))];
/// For somebody who hears nothing.
const SHORT: &[(Signal, Duration)] =
    &[(Signal::INT, Duration::from_millis(50)), (Signal::TERM, Duration::from_millis(50))];

fn shell(dir: &Path, script: &str, stop: &'static [(Signal, Duration)]) -> Child {
    let spec = Spec {
        name: "sh",
        program: Path::new("/bin/sh"),
        args: vec!["-c".into(), script.into()],
        dir,
        account: None,
        log: dir.join("sh.log"),
        stop,
    };
    Child::spawn(spec).unwrap()
}

async fn wait_for(path: &Path) {
    let seen = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
}

#[tokio::test]
async fn an_end_of_its_own_is_seen_and_the_log_is_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let child = shell(dir.path(), "echo out; echo last words >&2; exit 3", &[]);
    assert_eq!(child.exited().await, "exit status: 3");
    let error = child.error("ended").to_string();
    assert!(error.contains("sh ended") && error.contains("last words"), "{error}");
    // The next one begins a new log and keeps the last.
    shell(dir.path(), "echo again", &[]).exited().await;
    assert_eq!(fs::read_to_string(dir.path().join("sh.log")).unwrap(), "again\n");
    assert!(fs::read_to_string(dir.path().join("sh.log.old")).unwrap().contains("last words"));
}

#[tokio::test]
async fn a_gentle_signal_is_enough_for_the_willing() {
    let dir = tempfile::tempdir().unwrap();
    // Not SIGINT: where the tests run in the background it is ignored, and a shell cannot trap what is.
    let script = "trap 'echo bye; exit 0' TERM; touch up; while :; do sleep 0.01; done";
    let child = shell(dir.path(), script, TERM);
    wait_for(&dir.path().join("up")).await;
    let exited = child.exited();
    child.stop().await;
    assert_eq!(exited.await, "exit status: 0");
    assert_eq!(fs::read_to_string(dir.path().join("sh.log")).unwrap(), "bye\n");
}

#[tokio::test]
async fn the_deaf_are_killed() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' INT TERM; touch up; while :; do sleep 0.01; done";
    let child = shell(dir.path(), script, SHORT);
    wait_for(&dir.path().join("up")).await;
    let exited = child.exited();
    child.stop().await;
    assert!(exited.await.starts_with("signal: 9"));
}

#[tokio::test]
async fn one_that_is_dropped_is_stopped_too() {
    let dir = tempfile::tempdir().unwrap();
    let child = shell(dir.path(), "while :; do sleep 0.01; done", TERM);
    let exited = child.exited();
    drop(child);
    assert!(exited.await.starts_with("signal: 15"));
}

#[test]
fn one_that_outlives_its_runtime_is_stopped_too() {
    let dir = tempfile::tempdir().unwrap();
    let (up, down) = (dir.path().join("up"), dir.path().join("down"));
    let script = "trap 'touch down; exit 0' TERM; touch up; while :; do sleep 0.01; done";
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let child = first.block_on(async {
        let child = shell(dir.path(), script, TERM);
        wait_for(&up).await;
        child
    });
    drop(first);
    assert!(!down.exists());
    drop(child);
    runtime().block_on(wait_for(&down));
}

#[tokio::test]
async fn the_environment_stays_here() {
    let dir = tempfile::tempdir().unwrap();
    shell(dir.path(), "env | sed 's/=.*//' | sort", &[]).exited().await;
    let names = fs::read_to_string(dir.path().join("sh.log")).unwrap();
    let allowed = ["LC_ALL", "PATH", "PWD", "OLDPWD", "SHLVL", "TZ", "_"];
    assert!(names.lines().all(|name| allowed.contains(&name)), "{names}");
}
