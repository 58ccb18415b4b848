mod crash;
mod disk;

use super::*;
use crate::ports::{Stored, UsageSink};
use crate::testing::{ManualClock, TestIds, World, draft, limits};
use clawplane_domain::RequestId;
use pretty::sorted;
use proptest::prelude::*;
use std::{fs, io::Write};
use uuid::Uuid;

/// Small helpers for readable comparisons.
mod pretty {
    pub(super) fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
        list.sort();
        list
    }
}

fn open(dir: &Path, segment_bytes: u64) -> Spool {
    let claimed = Claimed::take(dir).unwrap();
    Spool::open(claimed, limits(segment_bytes, 1 << 30), &ManualClock::new("2026-11-20T00:00:00Z"), &TestIds)
        .unwrap()
}

async fn recovered(dir: &Path, world: &World) -> recover::Recovered {
    recover(&Claimed::take(dir).unwrap(), world, &|_| {}).await.unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    segment::list(dir).unwrap().into_iter().map(|old| old.path).collect()
}

fn ended(draft: &UsageRecorded) -> UsageRecorded {
    UsageRecorded { status: 200, interrupted: false, estimated: false, error: None, ..draft.clone() }
}

#[tokio::test]
async fn a_crash_loses_nothing_and_doubles_nothing() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let drafts: Vec<_> = (0..5).map(|_| draft()).collect();
    let spool = open(dir.path(), 700);
    let stream = spool.stream().to_owned();
    for draft in &drafts {
        let _ = spool.begin(draft).unwrap();
    }
    spool.close(ended(&drafts[1]), true);
    spool.close(ended(&drafts[3]), true);
    drop(spool);
    assert!(files(dir.path()).len() > 2, "rotated");
    let found = recovered(dir.path(), &world).await;
    assert_eq!(found, recover::Recovered { outcomes: 5, interrupted: 3, corrupt: 0 });
    assert_eq!(world.stored()[&stream], [1, 2, 3, 4, 5]);
    let ids = |list: Vec<RequestId>| sorted(list);
    assert_eq!(
        ids(world.usage().iter().map(|usage| usage.request_id).collect()),
        ids(drafts.iter().map(|draft| draft.request_id).collect())
    );
    assert_eq!(world.usage().iter().filter(|usage| usage.interrupted && usage.estimated).count(), 3);
    assert!(files(dir.path()).is_empty());
    assert_eq!(recovered(dir.path(), &world).await, recover::Recovered::default());
}

#[tokio::test]
async fn a_recovery_that_is_cut_off_is_done_again() {
    let (dir, world) = (tempfile::tempdir().unwrap(), Arc::new(World::default()));
    let spool = open(dir.path(), 1 << 20);
    let (one, two) = (draft(), draft());
    let _ = spool.begin(&one).unwrap();
    let _ = spool.begin(&two).unwrap();
    spool.close(ended(&two), true);
    let stream = spool.stream().to_owned();
    drop(spool);
    // What was uploaded just before the crash is known by its number.
    world.append(&stream, &[(1, ended(&two))]).await.unwrap();
    assert!(recover(&Claimed::take(dir.path()).unwrap(), &Unwritable(world.clone()), &|_| {}).await.is_err());
    assert_eq!(files(dir.path()).len(), 2, "the open intent was closed on the disk first");
    // So this, too, may have been stored just before a crash.
    world.append(&stream, &[(2, one.clone())]).await.unwrap();
    recovered(dir.path(), &world).await;
    assert_eq!(world.stored()[&stream], [1, 2], "the same numbers again");
    assert_eq!(
        world.usage().iter().map(|usage| usage.request_id).collect::<Vec<_>>(),
        [two.request_id, one.request_id]
    );
}

/// A database that can be read and not written.
struct Unwritable(Arc<World>);

#[async_trait::async_trait]
impl UsageSink for Unwritable {
    async fn append(
        &self,
        _: &str,
        _: &[(u64, UsageRecorded)],
    ) -> Result<(), clawplane_eventstore::StoreError> {
        Err(clawplane_eventstore::StoreError::TaskLost)
    }
    async fn stored(
        &self,
        stream: &str,
        from: u64,
        open: &[RequestId],
    ) -> Result<Stored, clawplane_eventstore::StoreError> {
        UsageSink::stored(self.0.as_ref(), stream, from, open).await
    }
}

#[tokio::test]
async fn a_failed_database_leaves_everything_for_the_next_try() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let spool = open(dir.path(), 1 << 20);
    spool.close(ended(&draft()), true);
    let _ = spool.begin(&draft()).unwrap();
    drop(spool);
    world.down.store(true, Ordering::SeqCst);
    assert!(recover(&Claimed::take(dir.path()).unwrap(), &world, &|_| {}).await.is_err());
    world.down.store(false, Ordering::SeqCst);
    assert_eq!(recovered(dir.path(), &world).await.interrupted, 1);
    assert_eq!(world.usage().len(), 2);
}

#[tokio::test]
async fn a_torn_tail_costs_only_itself() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let spool = open(dir.path(), 1 << 20);
    let (one, two) = (draft(), draft());
    let _ = spool.begin(&one).unwrap();
    let _ = spool.begin(&two).unwrap();
    spool.close(ended(&one), true);
    spool.close(ended(&two), true);
    drop(spool);
    let path = &files(dir.path())[0];
    let length = fs::metadata(path).unwrap().len();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length - 5).unwrap();
    let found = recovered(dir.path(), &world).await;
    assert_eq!((found.interrupted, found.corrupt), (1, 1));
    let usage = world.usage();
    assert_eq!(usage.len(), 2);
    assert!(usage.iter().any(|usage| usage.request_id == two.request_id && usage.interrupted));
}

#[test]
fn one_process_a_folder_and_one_epoch_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), 1 << 20);
    assert!(matches!(Claimed::take(dir.path()), Err(StartError::SpoolInUse(_))));
    let stream = first.stream().to_owned();
    drop(first);
    let second = open(dir.path(), 1 << 20);
    let (id, epoch) = stream.split_once(':').unwrap();
    let (same, later) = second.stream().split_once(':').unwrap();
    assert_eq!(id, same);
    assert!(later.parse::<u64>().unwrap() > epoch.parse().unwrap());
    assert!(id.parse::<Uuid>().is_ok());
}

#[test]
fn a_full_spool_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let claimed = Claimed::take(dir.path()).unwrap();
    let clock = ManualClock::new("2026-11-20T00:00:00Z");
    let spool = Spool::open(claimed, limits(600, 10_000), &clock, &TestIds).unwrap();
    let mut refused = None;
    for _ in 0..100 {
        refused = refused.or(spool.begin(&draft()).err());
    }
    assert!(matches!(refused, Some(SpoolError::Full)));
    spool.delete(0).unwrap();
    spool.delete(1).unwrap();
    assert!(spool.begin(&draft()).is_ok(), "room again");
}

#[test]
fn a_spool_that_cannot_be_written_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), 1 << 20);
    // The device that is always full stands for a full disk.
    let full = Segment::broken(fs::OpenOptions::new().append(true).open("/dev/full").unwrap());
    let full = Arc::new(full);
    spool.current.store(Arc::clone(&full));
    let lost = draft();
    spool.close(ended(&lost), true);
    assert_eq!(spool.unwritten().len(), 1, "kept in memory");
    spool.current.store(full);
    assert!(matches!(spool.begin(&draft()), Err(SpoolError::Write(_))));
    spool.retry_unwritten();
    assert!(spool.unwritten().is_empty(), "the next segment takes it");
}

#[tokio::test]
async fn many_writers_lose_nothing() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let spool = open(dir.path(), 20_000);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let draft = draft();
                    let _ = spool.begin(&draft).unwrap();
                    spool.close(ended(&draft), true);
                }
            });
        }
    });
    let stream = spool.stream().to_owned();
    drop(spool);
    assert!(files(dir.path()).len() > 5);
    let found = recovered(dir.path(), &world).await;
    assert_eq!(found, recover::Recovered { outcomes: 800, interrupted: 0, corrupt: 0 });
    assert_eq!(world.stored()[&stream], (1..=800).collect::<Vec<u64>>());
}

fn head(stream: &str) -> Head {
    Head { stream: stream.to_owned(), base: 7 }
}

fn entries(bytes: &[u8], pieces: usize) -> (Vec<Entry>, u64) {
    let mut reader = Reader::default();
    let mut found = Vec::new();
    for piece in bytes.chunks(pieces.max(1)) {
        reader.push(piece);
        while let Some(entry) = reader.next(true) {
            found.push(entry);
        }
    }
    while let Some(entry) = reader.next(false) {
        found.push(entry);
    }
    (found, reader.corrupt)
}

proptest! {
    #[test]
    fn damage_costs_only_what_it_hits(at in any::<prop::sample::Index>(), flip in 1..=255u8, pieces in 1..2000usize) {
        let drafts: Vec<_> = (0..6).map(|_| draft()).collect();
        let mut bytes = record::head(&head("s")).unwrap();
        let mut ends = vec![bytes.len()];
        for (sequence, draft) in (1..).zip(&drafts) {
            bytes.write_all(&record::outcome(sequence, draft).unwrap()).unwrap();
            ends.push(bytes.len());
        }
        let hit = at.index(bytes.len());
        let damaged = ends.iter().position(|end| hit < *end).unwrap();
        bytes[hit] ^= flip;
        let (found, corrupt) = entries(&bytes, pieces);
        let mut expected = vec![Entry::Stream(head("s"))];
        expected.extend((1..).zip(drafts).map(|(sequence, draft)| Entry::Outcome(sequence, Box::new(draft))));
        expected.remove(damaged);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(corrupt, 1);
    }

    #[test]
    fn rubbish_ends(bytes in proptest::collection::vec(any::<u8>(), 0..3000), pieces in 1..100usize) {
        let (found, _) = entries(&bytes, pieces);
        prop_assert!(found.is_empty());
    }
}
