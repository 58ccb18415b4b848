//! Full and failing disks, bounds, and what waits for a sync.

use super::*;
use crate::SpoolDurability;
use tokio_util::sync::CancellationToken;

fn full_disk() -> Arc<Segment> {
    // The device that is always full stands for a full disk.
    Arc::new(Segment::broken(fs::OpenOptions::new().append(true).open("/dev/full").unwrap()))
}

fn on_disk(dir: &Path) -> Arc<Spool> {
    let limits = Limits { durability: SpoolDurability::Disk, ..limits(1 << 20, 1 << 30) };
    let clock = ManualClock::new("2026-11-20T00:00:00Z");
    Arc::new(Spool::open(Claimed::take(dir).unwrap(), limits, &clock, &TestIds).unwrap())
}

#[test]
fn a_refusal_that_finds_no_room_is_given_up_and_leaves_no_hole() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), 1 << 20);
    spool.current.store(full_disk());
    // Makes no new segment, either.
    let lock = spool.segments();
    for _ in 0..1000 {
        spool.close(ended(&draft()), false);
    }
    drop(lock);
    assert!(spool.unwritten().is_empty(), "memory is only for what a vendor may have served");
    assert_eq!(spool.closed(), 0);
    spool.retry_unwritten();
    spool.rotate(&spool.current.load_full());
    for _ in 0..3 {
        spool.close(ended(&draft()), true);
    }
    let numbers: Vec<u64> = outcomes(dir.path());
    assert_eq!(sorted(numbers), [1, 2, 3], "the numbers are used again");
}

#[test]
fn a_full_spool_keeps_what_it_has_and_grows_by_nothing_but_what_is_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new("2026-11-20T00:00:00Z");
    let spool =
        Spool::open(Claimed::take(dir.path()).unwrap(), limits(1 << 20, 100_000), &clock, &TestIds).unwrap();
    let mut begun = Vec::new();
    while let Ok(_written) = spool.begin(&draft()) {
        begun.push(());
    }
    let before = spool.bytes.load(Ordering::Relaxed);
    for _ in 0..1000 {
        assert!(matches!(spool.begin(&draft()), Err(SpoolError::Full)));
        spool.close(ended(&draft()), false);
    }
    assert_eq!(spool.bytes.load(Ordering::Relaxed), before);
    spool.close(ended(&draft()), true);
    assert_eq!(outcomes(dir.path()), [1], "what was begun is closed all the same");
    assert!(files(dir.path()).len() > 4, "in segments that are small enough to go one by one");
}

#[test]
fn a_segment_that_could_not_be_made_does_not_stand_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), 1 << 20);
    // Somebody's file has the next name.
    let taken = dir.path().join(format!("{:020}-0000000001.seg", spool.identity.epoch));
    fs::write(&taken, []).unwrap();
    spool.current.store(full_disk());
    assert!(spool.begin(&draft()).is_err());
    assert!(spool.begin(&draft()).is_err(), "the second try makes the next but one");
    assert!(spool.begin(&draft()).is_ok());
}

#[tokio::test]
async fn on_the_disk_an_intent_waits_for_a_sync_and_shares_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = on_disk(dir.path());
    let written = spool.begin(&draft()).unwrap();
    let waiting = Arc::clone(&spool);
    let mut first = tokio::spawn(async move { waiting.durable(written).await });
    tokio::task::yield_now().await;
    assert!(futures::poll!(&mut first).is_pending(), "nobody has synced");
    let cancel = CancellationToken::new();
    let syncing = tokio::spawn(Arc::clone(&spool).sync_loop(cancel.clone()));
    first.await.unwrap().unwrap();
    let all = (0..200).map(|_| {
        let spool = Arc::clone(&spool);
        async move { spool.durable(spool.begin(&draft()).unwrap()).await.unwrap() }
    });
    futures::future::join_all(all).await;
    cancel.cancel();
    syncing.await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_synced_does_not_go_upstream() {
    let dir = tempfile::tempdir().unwrap();
    let spool = on_disk(dir.path());
    // A pipe takes bytes and cannot be synced.
    let (_reader, pipe) = std::io::pipe().unwrap();
    let broken = Arc::new(Segment::broken(fs::File::from(std::os::fd::OwnedFd::from(pipe))));
    spool.segments().push_back(Arc::clone(&broken));
    spool.current.store(broken);
    let written = spool.begin(&draft()).unwrap();
    let cancel = CancellationToken::new();
    let syncing = tokio::spawn(Arc::clone(&spool).sync_loop(cancel.clone()));
    assert!(matches!(spool.durable(written).await, Err(SpoolError::Sync)));
    let again = spool.begin(&draft()).unwrap();
    spool.durable(again).await.unwrap();
    cancel.cancel();
    syncing.await.unwrap();
}

fn outcomes(dir: &Path) -> Vec<u64> {
    let mut numbers = Vec::new();
    for path in files(dir) {
        let mut reader = Reader::default();
        reader.push(&fs::read(path).unwrap());
        while let Some(entry) = reader.next(false) {
            if let Entry::Outcome(number, _) = entry {
                numbers.push(number);
            }
        }
    }
    numbers
}
