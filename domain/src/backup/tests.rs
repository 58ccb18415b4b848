use super::*;
use crate::{
    SealedSecret,
    bot::{Access, Limits},
    testing::{Given, at, given, id, value},
};

fn request() -> RequestBackup {
    let made_of = MadeOf {
        name: value("Ada"),
        image: None,
        tags: Vec::new(),
        models: Vec::new(),
        limits: Limits::default(),
        access: Access::default(),
        fallbacks: Vec::new(),
        features: [].into(),
        environment: [].into(),
    };
    RequestBackup {
        id: id(1),
        tenant_id: id(2),
        bot_id: id(3),
        hostname: value("ada"),
        made_of,
        quiesce: Quiesce::Pause,
        batch_id: None,
        schedule_id: None,
        requested_by: Some(id(4)),
    }
}

fn begun() -> Begun {
    let key = SealedSecret { data_key_id: id(9), nonce: "00".into(), ciphertext: "00".into() };
    Begun {
        worker: "w1".into(),
        store: "local".into(),
        object: "a/b/c".into(),
        upload: None,
        key,
        was_running: true,
    }
}

fn sums() -> Sums {
    Sums {
        size: 100,
        sha256: "aa".into(),
        archive_size: 90,
        bytes: 500,
        entries: 3,
        left_out: 1,
        manifest_sha256: "bb".into(),
    }
}

fn requested() -> Vec<BackupEvent> {
    vec![BackupEvent::Requested { request: request() }]
}

fn running() -> Vec<BackupEvent> {
    let mut events = requested();
    events.push(BackupEvent::Begun { begun: begun() });
    events
}

fn completed() -> Vec<BackupEvent> {
    let mut events = running();
    events.push(BackupEvent::Completed { sums: sums() });
    events
}

fn deleted(mut events: Vec<BackupEvent>) -> Vec<BackupEvent> {
    events.push(BackupEvent::Deleted { by: DeletedBy::Person, data_key_id: None });
    events
}

fn wanted() -> RequestRestore {
    RequestRestore {
        restore_id: id(7),
        into: id(3),
        hostname: value("ada"),
        start: false,
        requested_by: id(4),
    }
}

const RESTORED: Restored = Restored { entries: 3, bytes: 500 };

fn restoring(steps: usize) -> Given<Backup> {
    let mut events = completed();
    let more = [
        BackupEvent::RestoreRequested { wanted: wanted() },
        BackupEvent::RestoreBegun { restore_id: id(7), worker: "w1".into(), was_running: true },
        BackupEvent::RestoreSwapped { restore_id: id(7), restored: RESTORED },
    ];
    events.extend(more.into_iter().take(steps));
    given::<Backup>(events)
}

#[test]
fn a_backup_is_asked_for_once() {
    let command = BackupCommand::Request(Box::new(request()));
    given::<Backup>([]).when(command.clone()).then(requested());
    given::<Backup>(requested()).when(command).refused(&BackupRefusal::Exists);
    given::<Backup>([]).when(BackupCommand::Verify).refused(&BackupRefusal::Unknown);
}

#[test]
fn one_worker_begins_it_and_only_that_one_completes_it() {
    let begin = || BackupCommand::Begin(Box::new(begun()));
    given::<Backup>(requested()).when(begin()).then([BackupEvent::Begun { begun: begun() }]);
    given::<Backup>(running()).when(begin()).refused(&BackupRefusal::NotYours);
    let complete = |worker: &str| BackupCommand::Complete { worker: worker.into(), sums: sums() };
    let state =
        given::<Backup>(running()).when(complete("w1")).then([BackupEvent::Completed { sums: sums() }]);
    assert_eq!(state.profile.unwrap().state, BackupState::Completed);
    given::<Backup>(running()).when(complete("w2")).refused(&BackupRefusal::NotYours);
    given::<Backup>(completed()).when(complete("w1")).refused(&BackupRefusal::NotYours);
}

#[test]
fn a_backup_fails_once_with_a_reason_that_can_be_stored() {
    let fail = |reason: &str| BackupCommand::Fail { reason: reason.into() };
    let long = "x".repeat(600) + "\0";
    let cut = BackupEvent::Failed { reason: "x".repeat(500) };
    given::<Backup>(running()).when(fail(&long)).then([cut]);
    given::<Backup>(requested()).when(fail("a\0b")).then([BackupEvent::Failed { reason: "ab".into() }]);
    given::<Backup>(completed()).when(fail("late")).then_nothing();
}

#[test]
fn a_deleted_backup_names_its_key_and_is_not_found_any_more() {
    let delete = || BackupCommand::Delete(DeletedBy::Retention);
    let event = BackupEvent::Deleted { by: DeletedBy::Retention, data_key_id: Some(id(9)) };
    given::<Backup>(completed()).when(delete()).then([event]);
    let event = BackupEvent::Deleted { by: DeletedBy::Retention, data_key_id: None };
    given::<Backup>(requested()).when(delete()).then([event]);
    given::<Backup>(deleted(completed())).when(delete()).refused(&BackupRefusal::Unknown);
    given::<Backup>(deleted(completed())).when(BackupCommand::Verify).refused(&BackupRefusal::Unknown);
    restoring(2).when(delete()).refused(&BackupRefusal::Busy);
}

#[test]
fn the_end_of_its_object_is_confirmed_once_and_only_after_that() {
    given::<Backup>(completed()).when(BackupCommand::ConfirmRemoved).refused(&BackupRefusal::NotDeleted);
    let gone = given::<Backup>(deleted(completed()))
        .when(BackupCommand::ConfirmRemoved)
        .then([BackupEvent::Removed {}]);
    assert!(gone.profile.unwrap().removed);
    let mut events = deleted(completed());
    events.push(BackupEvent::Removed {});
    given::<Backup>(events).when(BackupCommand::ConfirmRemoved).then_nothing();
}

#[test]
fn only_a_complete_backup_is_read_or_checked() {
    let note = || BackupCommand::NoteDownload(Form::Plain);
    given::<Backup>(running()).when(note()).refused(&BackupRefusal::NotComplete);
    given::<Backup>(completed()).when(note()).then([BackupEvent::Downloaded { form: Form::Plain }]);
    given::<Backup>(running()).when(BackupCommand::Verify).refused(&BackupRefusal::NotComplete);
    given::<Backup>(completed()).when(BackupCommand::Verify).then([BackupEvent::VerifyRequested {}]);
    let verified = Verified { ok: false, reason: Some("cut\0 off".into()), at: at(5) };
    let said = Verified { reason: Some("cut off".into()), ..verified.clone() };
    let checking = || completed().into_iter().chain([BackupEvent::VerifyRequested {}]);
    given::<Backup>(checking()).when(BackupCommand::Verify).then_nothing();
    let noted = BackupCommand::NoteVerified(verified);
    given::<Backup>(checking()).when(noted.clone()).then([BackupEvent::Verified { verified: said }]);
    given::<Backup>(completed()).when(noted).then_nothing();
}

#[test]
fn one_restore_at_a_time_goes_step_by_step() {
    let request = || BackupCommand::RequestRestore(wanted());
    given::<Backup>(running()).when(request()).refused(&BackupRefusal::NotComplete);
    restoring(0).when(request()).then([BackupEvent::RestoreRequested { wanted: wanted() }]);
    restoring(1).when(request()).refused(&BackupRefusal::Busy);
    let begin = |restore: u128| {
        let worker = "w1".to_owned();
        BackupCommand::BeginRestore(BeginRestore { restore_id: id(restore), worker, was_running: true })
    };
    let event = BackupEvent::RestoreBegun { restore_id: id(7), worker: "w1".into(), was_running: true };
    restoring(1).when(begin(7)).then([event]);
    restoring(1).when(begin(8)).refused(&BackupRefusal::NotYours);
    restoring(2).when(begin(7)).refused(&BackupRefusal::NotYours);

    let swap = || BackupCommand::NoteSwapped(id(7), RESTORED);
    restoring(1).when(swap()).refused(&BackupRefusal::NotYours);
    restoring(2).when(swap()).then([BackupEvent::RestoreSwapped { restore_id: id(7), restored: RESTORED }]);
    restoring(3).when(swap()).then_nothing();
    restoring(2).when(BackupCommand::CompleteRestore(id(7))).refused(&BackupRefusal::NotYours);
    let done = restoring(3).when(BackupCommand::CompleteRestore(id(7)));
    let done = done.then([BackupEvent::RestoreCompleted { restore_id: id(7) }]);
    assert!(done.profile.unwrap().open_restore().is_none());
}

#[test]
fn a_restore_fails_only_before_the_swap() {
    let fail = || BackupCommand::FailRestore(id(7), "no room".into());
    let event = BackupEvent::RestoreFailed { restore_id: id(7), reason: "no room".into() };
    restoring(1).when(fail()).then([event.clone()]);
    let failed = restoring(2).when(fail()).then([event]).profile.unwrap();
    assert_eq!(failed.restore.unwrap().state, RestoreState::Failed);
    restoring(3).when(fail()).refused(&BackupRefusal::NotYours);
    restoring(0).when(fail()).refused(&BackupRefusal::NotYours);
}
