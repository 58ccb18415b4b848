use super::*;
use crate::{
    spool::Claimed,
    testing::{ManualClock, TestIds, World, draft, limits},
};
use std::{path::Path, sync::atomic::Ordering};
use tokio::task::JoinHandle;

struct Running {
    world: Arc<World>,
    spool: Arc<Spool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn start(dir: &Path, segment_bytes: u64) -> Running {
    start_behind(dir, segment_bytes, Precedence::default())
}

fn start_behind(dir: &Path, segment_bytes: u64, precedence: Precedence) -> Running {
    let clock = Arc::new(ManualClock::new("2026-11-20T00:00:00Z"));
    let claimed = Claimed::take(dir).unwrap();
    let spool =
        Arc::new(Spool::open(claimed, limits(segment_bytes, 1 << 30), clock.as_ref(), &TestIds).unwrap());
    let (world, stop) = (Arc::new(World::default()), CancellationToken::new());
    let task =
        tokio::spawn(Uploader::new(Arc::clone(&spool), world.clone(), clock, precedence).run(stop.clone()));
    Running { world, spool, stop, task }
}

fn segments(dir: &Path) -> usize {
    let files = std::fs::read_dir(dir).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "seg")).count()
}

fn request(spool: &Spool) {
    let draft = draft();
    let _ = spool.begin(&draft).unwrap();
    spool.close(draft, true);
}

#[tokio::test]
async fn everything_is_stored_in_order_and_the_spool_is_left_empty() {
    let dir = tempfile::tempdir().unwrap();
    let Running { world, spool, stop, task } = start(dir.path(), 50_000);
    for _ in 0..3000 {
        request(&spool);
    }
    world.wait_for(3000).await;
    assert_eq!(world.stored()[spool.stream()], (1..=3000).collect::<Vec<u64>>());
    assert!(world.appends.load(Ordering::SeqCst) < 100, "in batches");
    stop.cancel();
    task.await.unwrap();
    assert_eq!(segments(dir.path()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_away_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let Running { world, spool, stop, task } = start(dir.path(), 2_000);
    world.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        request(&spool);
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(world.usage().is_empty() && segments(dir.path()) > 5);
    world.down.store(false, Ordering::SeqCst);
    world.wait_for(20).await;
    stop.cancel();
    task.await.unwrap();
    assert_eq!(segments(dir.path()), 0);
}

/// A busy data path takes precedence for a while and no longer; at the end nothing does.
#[tokio::test(start_paused = true)]
async fn it_gives_way_for_a_bounded_time() {
    let dir = tempfile::tempdir().unwrap();
    let precedence = Precedence::default();
    precedence.set_busy(true);
    let Running { world, spool, stop, task } = start_behind(dir.path(), 50_000, precedence);
    let begun = Instant::now();
    request(&spool);
    world.wait_for(1).await;
    let waited = begun.elapsed();
    assert!(waited >= clawplane_eventstore::precedence::TURN, "{waited:?}");
    assert!(waited < clawplane_eventstore::precedence::TURN * 2, "{waited:?}");
    request(&spool);
    let ending = Instant::now();
    stop.cancel();
    task.await.unwrap();
    assert_eq!(world.stored()[spool.stream()], [1, 2]);
    assert!(ending.elapsed() < Duration::from_millis(500), "{:?}", ending.elapsed());
}

#[tokio::test]
async fn a_segment_stays_while_a_request_in_it_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let Running { world, spool, stop, task } = start(dir.path(), 2_000);
    let long = draft();
    let _ = spool.begin(&long).unwrap();
    for _ in 0..20 {
        request(&spool);
    }
    world.wait_for(20).await;
    stop.cancel();
    task.await.unwrap();
    let left = segments(dir.path());
    assert!(left > 5, "the first one holds the others: {left}");
    drop(spool);
    let found =
        crate::spool::recover(&Claimed::take(dir.path()).unwrap(), world.as_ref(), &|_| {}).await.unwrap();
    assert_eq!(found.interrupted, 1);
    assert_eq!(world.usage().len(), 21);
    assert_eq!(world.stored().values().next().unwrap(), &(1..=21).collect::<Vec<u64>>());
}

#[tokio::test]
async fn full_segments_go_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let Running { world, spool, stop, task } = start(dir.path(), 2_000);
    let mut stored = 0;
    // Each round is one pass at least; the passes remove what earlier ones have stored.
    for _ in 0..10 {
        for _ in 0..20 {
            request(&spool);
        }
        stored += 20;
        world.wait_for(stored).await;
    }
    assert!(segments(dir.path()) < 40, "{} of more than 80 are left", segments(dir.path()));
    stop.cancel();
    task.await.unwrap();
    assert_eq!(segments(dir.path()), 0);
}
