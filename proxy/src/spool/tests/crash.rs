//! Crashes between any two steps, as what they leave on the disk.

use super::*;

/// A spool that was cut off: `begun` requests under way, then outcomes with these numbers.
fn cut_off(dir: &Path, begun: usize, numbers: &[u64]) -> (String, Vec<RequestId>) {
    let spool = open(dir, 1 << 20);
    let stream = spool.stream().to_owned();
    for _ in 0..begun {
        let _ = spool.begin(&draft()).unwrap();
    }
    let mut ids = Vec::new();
    for number in numbers {
        let outcome = ended(&draft());
        ids.push(outcome.request_id);
        spool.write_outcome(*number, &outcome).unwrap();
    }
    (stream, ids)
}

#[tokio::test]
async fn a_number_that_died_with_the_process_leaves_no_hole() {
    // 3 and 5 were given to refusals, which have no intent, and were never written.
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let (stream, ids) = cut_off(dir.path(), 0, &[1, 2, 4, 6, 7]);
    recovered(dir.path(), &world).await;
    assert_eq!(world.stored()[&stream], [1, 2, 3, 4, 5]);
    let stored: Vec<_> = world.usage().iter().map(|usage| usage.request_id).collect();
    assert_eq!(stored, [ids[0], ids[1], ids[4], ids[2], ids[3]], "the last ones took the vacant places");
}

#[tokio::test]
async fn what_was_under_way_takes_the_vacant_places_first() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let (stream, _) = cut_off(dir.path(), 1, &[1, 4, 5]);
    recovered(dir.path(), &world).await;
    assert_eq!(world.stored()[&stream], [1, 2, 3, 4]);
    assert_eq!(world.usage().iter().filter(|usage| usage.interrupted).count(), 1);
}

#[tokio::test]
async fn a_recovery_that_moves_numbers_can_be_cut_off_after_any_batch() {
    let (dir, world) = (tempfile::tempdir().unwrap(), Arc::new(World::default()));
    let (stream, ids) = cut_off(dir.path(), 2, &[1, 3, 6, 9]);
    let unwritable = Unwritable(world.clone());
    assert!(recover(&Claimed::take(dir.path()).unwrap(), &unwritable, &|_| {}).await.is_err());
    // The first try got this far: the outcome of 9 has a place below already, and this batch was stored.
    let known = recovered(dir.path(), &world).await;
    assert_eq!((known.outcomes, known.interrupted), (6, 0), "it was closed by the first try");
    assert_eq!(world.stored()[&stream], [1, 2, 3, 4, 5, 6]);
    let mut requests: Vec<_> = world.usage().iter().map(|usage| usage.request_id).collect();
    requests.sort_unstable();
    requests.dedup();
    assert_eq!(requests.len(), 6);
    assert!(ids.iter().all(|id| requests.contains(id)));
}

#[tokio::test]
async fn holes_below_what_the_spool_still_has_are_found() {
    // 1 to 3 are stored and their segment is gone; 4 died with the process.
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let (stream, _) = cut_off(dir.path(), 0, &[5, 6]);
    let earlier: Vec<_> = (1..=3).map(|number| (number, ended(&draft()))).collect();
    world.append(&stream, &earlier).await.unwrap();
    recovered(dir.path(), &world).await;
    assert_eq!(world.stored()[&stream], [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn an_outcome_that_only_the_database_kept_is_not_doubled() {
    // The loss of power took the end of the file, with an outcome that was stored already.
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let spool = open(dir.path(), 1 << 20);
    let (one, two) = (draft(), draft());
    let _ = spool.begin(&one).unwrap();
    let _ = spool.begin(&two).unwrap();
    world.append(spool.stream(), &[(1, ended(&one))]).await.unwrap();
    let stream = spool.stream().to_owned();
    drop(spool);
    let found = recovered(dir.path(), &world).await;
    assert_eq!(found.interrupted, 1);
    assert_eq!(world.stored()[&stream], [1, 2]);
    let usage = world.usage();
    assert_eq!(
        usage.iter().map(|usage| usage.request_id).collect::<Vec<_>>(),
        [one.request_id, two.request_id]
    );
    assert!(!usage[0].interrupted, "the outcome, not the estimate");
}

#[tokio::test]
async fn a_segment_without_a_readable_head_is_uploaded_all_the_same() {
    for (at, value) in [(0, 0_u8), (14, b'#')] {
        let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
        let (stream, _) = cut_off(dir.path(), 1, &[1, 2]);
        let path = &files(dir.path())[0];
        let mut bytes = fs::read(path).unwrap();
        bytes[at] = value;
        fs::write(path, &bytes).unwrap();
        let found = recovered(dir.path(), &world).await;
        assert_eq!((found.corrupt, found.interrupted), (1, 1));
        assert_eq!(world.stored()[&stream], [1, 2, 3], "the identity says whose it is");
    }
}

#[tokio::test]
async fn a_segment_in_which_nothing_can_be_read_is_kept_for_a_person() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let path = dir.path().join("00000000000000000001-0000000000.seg");
    fs::write(&path, [7; 4000]).unwrap();
    assert_eq!(recovered(dir.path(), &world).await.corrupt, 1);
    assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), [7; 4000]);
    // One that was made and not written to is of no interest to anybody.
    fs::write(&path, []).unwrap();
    assert_eq!(recovered(dir.path(), &world).await, recover::Recovered::default());
    assert!(!path.exists());
}

#[tokio::test]
async fn heads_of_the_first_version_are_read() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let (stream, _) = cut_off(dir.path(), 1, &[1]);
    let path = &files(dir.path())[0];
    let bytes = fs::read(path).unwrap();
    let (mut reader, mut rest) = (Reader::default(), Vec::new());
    reader.push(&bytes);
    while let Some(entry) = reader.next(false) {
        match entry {
            Entry::Stream(head) => rest.extend(record::encode(b'S', &[], &head.stream).unwrap()),
            Entry::Intent(draft) => rest.extend(record::intent(&draft).unwrap()),
            Entry::Outcome(number, outcome) => rest.extend(record::outcome(number, &outcome).unwrap()),
            Entry::Moved(..) => unreachable!(),
        }
    }
    fs::write(path, rest).unwrap();
    assert_eq!(recovered(dir.path(), &world).await.corrupt, 0);
    assert_eq!(world.stored()[&stream], [1, 2]);
}

proptest! {
    /// Whatever was given a number, written or stored when the process died: afterwards every begun request and every
    /// written outcome is there once, and the stream has no hole.
    #[test]
    fn the_stream_is_whole_after_any_crash(
        fates in proptest::collection::vec(0..4u8, 1..60),
        stored in 0..60u64,
        tries in 0..2u8,
    ) {
        let (dir, world) = (tempfile::tempdir().unwrap(), Arc::new(World::default()));
        let spool = open(dir.path(), 3_000);
        let stream = spool.stream().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut expected, mut unbroken) = (Vec::new(), true);
        for (number, fate) in (1..).zip(&fates) {
            let request = draft();
            // 0: a refusal that died with its number; 1: one that was written; 2: a request under way; 3: one that ended.
            if *fate >= 2 {
                let _ = spool.begin(&request).unwrap();
            }
            if matches!(fate, 1 | 3) {
                spool.write_outcome(number, &ended(&request)).unwrap();
                unbroken &= number <= stored;
                if unbroken {
                    runtime.block_on(world.append(&stream, &[(number, ended(&request))])).unwrap();
                }
            } else {
                unbroken = false;
            }
            if *fate > 0 {
                expected.push(request.request_id);
            }
        }
        drop(spool);
        for _ in 0..tries {
            let _ = runtime.block_on(recover(&Claimed::take(dir.path()).unwrap(), &Unwritable(world.clone()), &|_| {}));
        }
        runtime.block_on(recovered(dir.path(), &world));
        let found = world.usage().iter().map(|usage| usage.request_id).collect();
        prop_assert_eq!(sorted(found), sorted(expected.clone()));
        let numbers = world.stored().remove(&stream).unwrap_or_default();
        prop_assert_eq!(numbers, (1..=expected.len() as u64).collect::<Vec<_>>());
    }
}
